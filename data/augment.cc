#include "data/augment.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/draw_block.h"
#include "core/error.h"

namespace coppice {
namespace {

constexpr std::int64_t kMostSteps = 1 << 8;
constexpr std::int64_t kMostEpochs = 1 << 16;
constexpr std::int64_t kMostExamples = std::int64_t{1} << 32;

using Draw = std::array<std::uint32_t, 4>;

struct Image {
  float* x_HWC;
  std::int64_t height, width, channels;

  float* row(std::int64_t y) const { return x_HWC + y * width * channels; }
};

void fill(float* from, std::int64_t pixels, const std::vector<float>& colour_C) {
  for (std::int64_t p = 0; p < pixels; ++p) from = std::copy(colour_C.begin(), colour_C.end(), from);
}

// One image; `copy` has room for another.
struct Step {
  const Image& image;
  const Draw& draw;
  float* copy;
  const std::vector<float>& black_C;
  const std::vector<float>& mean_C;

  void operator()(const CropAugment& crop) const {
    const std::int64_t down = scaled_draw(draw[0], 2 * crop.padding + 1) - crop.padding;
    const std::int64_t right = scaled_draw(draw[1], 2 * crop.padding + 1) - crop.padding;
    if (down == 0 && right == 0) return;
    const std::int64_t c = image.channels;
    std::copy(image.x_HWC, image.x_HWC + image.height * image.width * c, copy);
    const std::int64_t first = std::max<std::int64_t>(0, -right);  // column that has a source
    const std::int64_t last = std::min(image.width, image.width - right);
    for (std::int64_t y = 0; y < image.height; ++y) {
      float* out = image.row(y);
      if (y + down < 0 || y + down >= image.height) {
        fill(out, image.width, black_C);
        continue;
      }
      const float* in = copy + (y + down) * image.width * c;
      fill(out, first, black_C);
      std::copy(in + (first + right) * c, in + (last + right) * c, out + first * c);
      fill(out + last * c, image.width - last, black_C);
    }
  }

  void operator()(const FlipAugment&) const {
    if (draw[0] >> 31 == 0) return;
    const std::int64_t c = image.channels;
    for (std::int64_t y = 0; y < image.height; ++y) {
      float* row = image.row(y);
      for (std::int64_t x = 0; x < image.width / 2; ++x) std::swap_ranges(row + x * c, row + (x + 1) * c, row + (image.width - 1 - x) * c);
    }
  }

  void operator()(const EraseAugment& erase) const {
    const std::int64_t top = scaled_draw(draw[0], image.height) - erase.side / 2;
    const std::int64_t left = scaled_draw(draw[1], image.width) - erase.side / 2;
    const std::int64_t first = std::max<std::int64_t>(0, left), last = std::min(image.width, left + erase.side);
    for (std::int64_t y = std::max<std::int64_t>(0, top); y < std::min(image.height, top + erase.side); ++y) {
      fill(image.row(y) + first * image.channels, last - first, mean_C);
    }
  }
};

std::int64_t size_of(const AugmentConfig& step) {
  if (const auto* crop = std::get_if<CropAugment>(&step)) return crop->padding;
  if (const auto* erase = std::get_if<EraseAugment>(&step)) return erase->side;
  return 0;
}

}  // namespace

Augmenter::Augmenter(std::vector<AugmentConfig> steps, const ExampleSpec& spec) : steps_(std::move(steps)) {
  if (steps_.empty()) return;
  if (spec.kind != ExampleSpec::Kind::kImage) throw InputError("augment: found " + spec.describe() + ", expected images");
  if (static_cast<std::int64_t>(steps_.size()) > kMostSteps) throw InputError("augment: found more than 256 steps");
  height_ = spec.shape[0];
  width_ = spec.shape[1];
  channels_ = spec.shape[2];
  const std::int64_t most = std::min(height_, width_);
  for (const AugmentConfig& step : steps_) {
    if (size_of(step) <= most) continue;
    throw InputError("augment: found a size of " + std::to_string(size_of(step)) + " for " + spec.describe() + ", expected at most " +
                     std::to_string(most));
  }
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels_); ++c) {
    const double mean = spec.mean.empty() ? 0.0 : spec.mean[c];
    const double scale = spec.scale.empty() ? 1.0 : spec.scale[c];
    black_C_.push_back(static_cast<float>((0.0 - mean) / scale));
    mean_C_.push_back(0.0F);
  }
}

void Augmenter::apply(Seed seed, std::int64_t epoch, std::span<const std::int64_t> examples, float* x_BHWC) const {
  if (steps_.empty()) return;
  if (epoch >= kMostEpochs) throw Error("augment: epoch " + std::to_string(epoch) + " of a round; expected below 65536");
  const std::int64_t values = height_ * width_ * channels_;
  std::vector<float> copy(static_cast<std::size_t>(values));
  for (const std::int64_t example : examples) {
    if (example >= kMostExamples) throw Error("augment: more than 2^32 examples");
    const Image image{x_BHWC, height_, width_, channels_};
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      const auto salt = static_cast<std::uint32_t>(epoch << 8) | static_cast<std::uint32_t>(s);
      const Draw draw = draw_block(seed, Purpose::kAugment, salt, static_cast<std::uint32_t>(example));
      std::visit(Step{image, draw, copy.data(), black_C_, mean_C_}, steps_[s]);
    }
    x_BHWC += values;
  }
}

}  // namespace coppice
