#include <algorithm>
#include <vector>

#include "coordinator/report/base64.h"
#include "coordinator/report/figures.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/png.h"
#include "coordinator/report/svg_canvas.h"
#include "coordinator/report/svg_diagrams.h"

namespace coppice {
namespace {

constexpr std::int64_t kUnitsInARow = 32;
constexpr std::int64_t kMostCells = 512;  // units drawn as cells of their own; beyond it, as pixels
constexpr std::uint8_t kDroppedShade = 36;

std::string image(std::int64_t rows, std::int64_t columns, const std::vector<std::uint8_t>& shades,
                  const std::string& label, bool on_background) {
  constexpr std::int64_t kWidest = 576, kTallest = 256, kLargestPixel = 10;
  const std::int64_t pixel = std::clamp(std::min(kWidest / columns, kTallest / rows), std::int64_t{1}, kLargestPixel);
  const std::string png = shades_to_png(rows, columns, shades);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(png.data());
  return std::string("<img class=\"") + (on_background ? "bits" : "units") + "\" alt=\"" + escape_html(label) +
         "\" width=\"" + std::to_string(columns * pixel) + "\" height=\"" + std::to_string(rows * pixel) +
         "\" src=\"data:image/png;base64," + to_base64({bytes, png.size()}) + "\">";
}

std::string unit_cells(const std::vector<std::uint8_t>& shades, const std::string& label) {
  constexpr std::int64_t kPitch = 12;
  const auto count = static_cast<std::int64_t>(shades.size());
  const std::int64_t columns = std::min(count, kUnitsInARow), rows = (count + columns - 1) / columns;
  std::string kept, dropped;
  for (std::int64_t i = 0; i < count; ++i) {
    std::string& path = shades[static_cast<std::size_t>(i)] != 0 ? kept : dropped;
    path.append("M").append(std::to_string(i % columns * kPitch + 1)).append(" ");
    path.append(std::to_string(i / columns * kPitch + 1)).append("h10v10h-10z");
  }
  const std::string width = std::to_string(columns * kPitch), height = std::to_string(rows * kPitch);
  return "<svg class=\"units\" role=\"img\" aria-label=\"" + escape_html(label) + "\" width=\"" + width +
         "\" height=\"" + height + "\" viewBox=\"0 0 " + width + " " + height + "\"><path class=\"dropped\" d=\"" +
         dropped + "\"/><path class=\"kept\" d=\"" + kept + "\"/></svg>";
}

std::string many_units(const std::vector<std::uint8_t>& shades, const std::string& label) {
  constexpr std::size_t kColumns = 128;
  std::vector<std::uint8_t> pixels((shades.size() + kColumns - 1) / kColumns * kColumns, 0);
  std::transform(shades.begin(), shades.end(), pixels.begin(),
                 [](auto s) { return s != 0 ? std::uint8_t{255} : kDroppedShade; });
  return image(static_cast<std::int64_t>(pixels.size() / kColumns), kColumns, pixels, label, false);
}

// The top left of a matrix whose weights are too small to be told apart in the whole picture.
std::string corner(const MaskPicture& picture) {
  constexpr std::int64_t kRows = 16, kColumns = 48;
  if (picture.form != MaskPicture::Form::kBits || picture.rows * picture.columns <= kRows * kColumns * 2) return "";
  const std::int64_t rows = std::min(picture.rows, kRows), columns = std::min(picture.columns, kColumns);
  std::vector<std::uint8_t> cut;
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto begin = picture.shades.begin() + r * picture.columns;
    cut.insert(cut.end(), begin, begin + columns);
  }
  const std::string words =
      "the first " + std::to_string(rows) + " x " + std::to_string(columns) + " weights, magnified";
  return "<small>" + words + "</small>" + image(rows, columns, cut, words, true);
}

}  // namespace

std::string draw_mask_picture(const LayerKept& layer) {
  const MaskPicture& picture = layer.picture;
  const std::string words =
      layer.name + ": " + std::to_string(layer.kept) + " of " + std::to_string(layer.total) + " kept";
  std::string drawing, note = layer.kind;
  switch (picture.form) {
    case MaskPicture::Form::kNone:
      return "";
    case MaskPicture::Form::kUnits:
      drawing = static_cast<std::int64_t>(picture.shades.size()) <= kMostCells ? unit_cells(picture.shades, words)
                                                                               : many_units(picture.shades, words);
      break;
    case MaskPicture::Form::kBits:
      note += ", " + std::to_string(picture.rows) + " x " + std::to_string(picture.columns) + " weights";
      drawing = image(picture.rows, picture.columns, picture.shades, words, true) + corner(picture);
      break;
    case MaskPicture::Form::kShades:
      note += ", " + std::to_string(picture.rows) + " x " + std::to_string(picture.columns) +
              " tiles, shaded by the kept fraction";
      drawing = image(picture.rows, picture.columns, picture.shades, words, true);
      break;
  }
  const double fraction = layer.total > 0 ? static_cast<double>(layer.kept) / static_cast<double>(layer.total) : 0.0;
  return "<div class=\"layer\"><b>" + escape_html(layer.name) + "</b> <span class=\"dim\">" + escape_html(note) + ", " +
         show_count(static_cast<double>(layer.kept)) + " of " + show_count(static_cast<double>(layer.total)) +
         " kept (" + show_percent(fraction) + ")</span>" + drawing + "</div>\n";
}

}  // namespace coppice
