#include "coordinator/report/run_summary.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "coordinator/report/base64.h"
#include "coordinator/report/json_node.h"

namespace coppice {
namespace {

constexpr std::uint8_t kKeptShade = 255;
constexpr std::uint64_t kMostSummaryBytes = 256 << 20;

double fraction_or_nan(const JsonNode& node, const std::string& key) {
  const double value = node.number_or_nan(key);
  if (value < 0.0 || value > 1.0) node.at(key).fail("found " + std::to_string(value) + ", expected a number in [0, 1]");
  return value;
}

std::map<std::string, double> figures(const JsonNode& node, const std::string& key) {
  std::map<std::string, double> values;
  if (const auto map = node.find(key)) {
    for (const auto& [name, member] : map->members()) values[name] = map->number_or_nan(name);
  }
  return values;
}

std::map<std::int64_t, double> latencies(const JsonNode& node) {
  std::map<std::int64_t, double> values;
  const auto map = node.find("latency_ms");
  if (!map) return values;
  for (const auto& [key, member] : map->members()) {
    std::int64_t batch = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), batch);
    if (error != std::errc() || end != key.data() + key.size() || batch < 1) {
      member.fail("expected a batch size >= 1 as the key");
    }
    values[batch] = map->number_or_nan(key);
  }
  return values;
}

VariantFigures variant(const JsonNode& node) {
  static const std::vector<std::string> kArtifacts = {"sliced", "packed", "zeros"};
  VariantFigures figure;
  figure.name = node.at("name").text();
  figure.accuracy = fraction_or_nan(node, "accuracy");
  figure.loss = node.number_or_nan("loss");
  figure.metrics = figures(node, "metrics");
  figure.parameters = node.at("parameters").count();
  figure.flops = node.at("flops").count();
  figure.file_bytes = node.count_if_any("file_bytes");
  figure.latency_ms = latencies(node);
  figure.artifact = node.text_or_empty("artifact");
  if (!figure.artifact.empty() &&
      std::find(kArtifacts.begin(), kArtifacts.end(), figure.artifact) == kArtifacts.end()) {
    node.at("artifact").fail(unknown_name("artifact", figure.artifact, kArtifacts));
  }
  return figure;
}

std::vector<VariantFigures> variants(const JsonNode& node) {
  std::vector<VariantFigures> all;
  std::set<std::string> names;
  for (const JsonNode& item : node.items()) {
    all.push_back(variant(item));
    if (!names.insert(all.back().name).second) item.at("name").fail("a second variant has this name");
  }
  if (all.empty()) node.fail("found an empty list, expected at least one variant");
  return all;
}

MaskPicture units_picture(const JsonNode& node) {
  const std::string text = node.text();
  std::vector<std::uint8_t> kept;
  kept.reserve(text.size());
  for (const char c : text) {
    if (c != '0' && c != '1') node.fail("expected a text of 0 and 1, one character a unit");
    kept.push_back(c == '1' ? 1 : 0);
  }
  if (static_cast<std::int64_t>(kept.size()) > kMostPictureUnits) {
    node.fail("found " + std::to_string(kept.size()) + " units, expected at most " + std::to_string(kMostPictureUnits));
  }
  return picture_of_units(kept);
}

MaskPicture matrix_picture(const JsonNode& node) {
  MaskPicture picture;
  picture.rows = node.at("rows").count();
  picture.columns = node.at("columns").count();
  if (picture.rows < 1 || picture.columns < 1 || picture.rows > kMostPictureBits / picture.columns) {
    node.fail("found " + std::to_string(picture.rows) + " x " + std::to_string(picture.columns) +
              " cells, expected 1 to " + std::to_string(kMostPictureBits));
  }
  const auto cells = static_cast<std::size_t>(picture.rows * picture.columns);
  const bool bits = node.find("bits").has_value();
  const JsonNode packed = node.at(bits ? "bits" : "shades");
  const auto bytes = from_base64(packed.text());
  const std::size_t wanted = bits ? (cells + 7) / 8 : cells;
  if (!bytes) packed.fail("expected base64 text");
  if (bytes->size() != wanted) {
    packed.fail("found " + std::to_string(bytes->size()) + " bytes, expected " + std::to_string(wanted));
  }
  picture.form = bits ? MaskPicture::Form::kBits : MaskPicture::Form::kShades;
  picture.shades = *bytes;
  if (bits) {
    picture.shades.resize(cells);
    for (std::size_t i = 0; i < cells; ++i) picture.shades[i] = ((*bytes)[i / 8] >> (i % 8) & 1U) != 0 ? kKeptShade : 0;
  }
  return picture;
}

LayerKept layer(const JsonNode& node) {
  LayerKept kept;
  kept.name = node.at("name").text();
  kept.kind = node.at("kind").text();
  kept.kept = node.at("kept").count();
  kept.total = node.at("total").count();
  if (kept.kept > kept.total) node.fail("kept is larger than total");
  if (const auto picture = node.find("picture")) {
    kept.picture = picture->is_text() ? units_picture(*picture) : matrix_picture(*picture);
  }
  return kept;
}

MaskFigures mask(const JsonNode& node) {
  MaskFigures figures;
  figures.pattern = node.at("pattern").text();
  figures.density = fraction_or_nan(node, "density");
  figures.digest = node.at("digest").text();
  for (const JsonNode& item : node.at("layers").items()) figures.layers.push_back(layer(item));
  return figures;
}

FusionFigures fusion(const JsonNode& node) {
  FusionFigures figures;
  figures.chosen = node.at("chosen").text();
  for (const JsonNode& item : node.at("candidates").items()) {
    figures.candidates.push_back({.name = item.at("name").text(),
                                  .select_loss = item.number_or_nan("select_loss"),
                                  .select_accuracy = fraction_or_nan(item, "select_accuracy")});
  }
  return figures;
}

DataFigures data(const JsonNode& node) {
  DataFigures figures{.name = node.at("name").text(),
                      .note = node.text_or_empty("note"),
                      .clients = node.at("clients").count(),
                      .classes = {}};
  if (const auto classes = node.find("classes")) {
    for (const JsonNode& item : classes->items()) figures.classes.push_back(item.text());
  }
  return figures;
}

std::vector<std::vector<std::int64_t>> confusion(const JsonNode& node) {
  std::vector<std::vector<std::int64_t>> counts;
  const auto rows = node.items();
  for (const JsonNode& row : rows) {
    counts.emplace_back();
    for (const JsonNode& cell : row.items()) counts.back().push_back(cell.count());
    if (counts.back().size() != rows.size()) {
      row.fail("found " + std::to_string(counts.back().size()) +
               " columns, expected as many as rows: " + std::to_string(rows.size()));
    }
  }
  return counts;
}

std::vector<CalibrationBin> calibration(const JsonNode& node) {
  std::vector<CalibrationBin> bins;
  for (const JsonNode& item : node.at("bins").items()) {
    bins.push_back({.count = item.at("count").count(),
                    .confidence = fraction_or_nan(item, "confidence"),
                    .accuracy = fraction_or_nan(item, "accuracy")});
  }
  return bins;
}

std::vector<ClientFigures> clients(const JsonNode& node) {
  std::vector<ClientFigures> all;
  for (const JsonNode& item : node.items()) {
    all.push_back({.client = item.at("client").count(),
                   .samples = item.at("samples").count(),
                   .accuracy = fraction_or_nan(item, "accuracy"),
                   .loss = item.number_or_nan("loss")});
  }
  return all;
}

DeviceFigures devices(const JsonNode& node) {
  DeviceFigures figures_of{.seconds = node.number_or_nan("seconds"), .joules = node.number_or_nan("joules"), .profiles = {},
                           .time_to_accuracy = figures(node, "time_to_accuracy")};
  for (const JsonNode& item : node.at("profiles").items()) {
    figures_of.profiles.push_back({item.at("name").text(), item.at("clients").count(), item.at("took_part").count(),
                                   item.at("too_small").count(), item.at("unreachable").count()});
  }
  return figures_of;
}

}  // namespace

RunSummary parse_summary(std::string_view text, const std::string& file) {
  const nlohmann::json document = parse_json(text, file);
  const JsonNode root(document, file);
  RunSummary summary;
  summary.name = root.at("name").text();
  summary.seed = root.at("seed").integer();
  summary.config_digest = root.at("config_digest").text();
  for (const auto& [key, member] : root.at("fingerprint").members()) summary.fingerprint[key] = member.text();
  if (const auto model = root.find("model")) summary.model_family = model->text_or_empty("family");
  summary.data = data(root.at("data"));
  summary.variants = variants(root.at("variants"));
  const JsonNode traffic = root.at("traffic");
  summary.traffic = {.bytes_down_per_client = traffic.number_or_nan("bytes_down_per_client"),
                     .bytes_up_per_client = traffic.number_or_nan("bytes_up_per_client"),
                     .dense_bytes_per_client = traffic.number_or_nan("dense_bytes_per_client")};
  if (const auto client = root.find("client")) {
    summary.client = {.flops = client->number_or_nan("flops"),
                      .live_bytes = client->number_or_nan("live_bytes"),
                      .peak_bytes = client->number_or_nan("peak_bytes")};
  }
  summary.coordinator_flops = root.number_or_nan("coordinator_flops");
  if (const auto node = root.find("devices")) summary.devices = devices(*node);
  if (root.find("level_bytes")) summary.level_bytes = figures(root, "level_bytes");
  if (const auto node = root.find("warnings")) {
    for (const JsonNode& warning : node->items()) summary.warnings.push_back(warning.text());
  }
  summary.seconds = figures(root, "seconds");
  summary.peak_memory_bytes = root.at("peak_memory_bytes").count();
  summary.threads = root.at("threads").count();
  summary.ranks = root.at("ranks").count();
  if (const auto node = root.find("mask")) summary.mask = mask(*node);
  if (const auto node = root.find("fusion")) summary.fusion = fusion(*node);
  if (const auto node = root.find("personal")) {
    summary.personal = {.accuracy = fraction_or_nan(*node, "accuracy"),
                        .loss = node->number_or_nan("loss"),
                        .density = fraction_or_nan(*node, "density"),
                        .clients = node->at("clients").count(),
                        .samples = node->at("samples").count()};
  }
  if (const auto node = root.find("per_client")) summary.per_client = clients(*node);
  if (const auto node = root.find("confusion")) summary.confusion = confusion(*node);
  if (const auto node = root.find("calibration")) summary.calibration = calibration(*node);
  return summary;
}

RunSummary read_summary(const std::string& folder) {
  const std::string file = folder + "/summary.json";
  return parse_summary(read_text_file(file, kMostSummaryBytes), file);
}

const VariantFigures& result_of(const RunSummary& summary) {
  const auto& all = summary.variants;
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (!it->artifact.empty()) return *it;
  }
  for (const char* name : {"compact", "masked"}) {
    for (const VariantFigures& one : all) {
      if (one.name == name) return one;
    }
  }
  return all.back();
}

double density_of(const RunSummary& summary) { return summary.mask ? summary.mask->density : 1.0; }

const VariantFigures* reference_of(const RunSummary& summary) {
  const VariantFigures& result = result_of(summary);
  for (const char* name : {"dense twin", "dense"}) {
    for (const VariantFigures& one : summary.variants) {
      if (one.name == name && &one != &result) return &one;
    }
  }
  return nullptr;
}

double expected_calibration_error(const std::vector<CalibrationBin>& bins) {
  double total = 0.0, weighted = 0.0;
  for (const CalibrationBin& bin : bins) {
    const auto count = static_cast<double>(bin.count);
    total += count;
    if (bin.count > 0) weighted += count * std::abs(bin.accuracy - bin.confidence);
  }
  return total > 0.0 ? weighted / total : kNoFigure;
}

double total_seconds(const RunSummary& summary) {
  double total = 0.0;
  for (const auto& [stage, seconds] : summary.seconds) total += std::isfinite(seconds) ? seconds : 0.0;
  return total;
}

}  // namespace coppice
