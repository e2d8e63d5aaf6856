#include "data/dense_dataset.h"

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "core/error.h"

namespace coppice {
namespace {

void check_rows(const ExampleSpec& spec, const Rows& rows, std::int64_t value_bytes) {
  if (rows.row_bytes() == spec.values_per_example() * value_bytes) return;
  throw Error("rows of " + std::to_string(rows.row_bytes()) + " bytes cannot hold " + spec.describe());
}

class Images final : public Dataset {
 public:
  Images(ExampleSpec spec, Rows pixels, Annotations annotations, const Digest& inputs)
      : Dataset(std::move(spec), pixels.size(), std::move(annotations), inputs), pixels_(std::move(pixels)) {
    const ExampleSpec& s = this->spec();
    check_rows(s, pixels_, 1);
    tables_.resize(static_cast<std::size_t>(s.shape[2]));
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      const double mean = s.mean.empty() ? 0.0 : s.mean[c];
      const double scale = s.scale.empty() ? 1.0 : s.scale[c];
      for (std::size_t byte = 0; byte < 256; ++byte) {
        tables_[c][byte] = static_cast<float>((static_cast<double>(byte) / 255.0 - mean) / scale);
      }
    }
  }

  void read_inputs(std::span<const std::int64_t> indices, float* x) const override {
    check(indices);
    const auto values = static_cast<std::size_t>(spec().values_per_example());
    const std::size_t channels = tables_.size();
    for (const std::int64_t i : indices) {
      const auto* pixels = reinterpret_cast<const std::uint8_t*>(pixels_.row(i));
      if (channels == 1) {
        const float* table = tables_[0].data();
        for (std::size_t v = 0; v < values; ++v) x[v] = table[pixels[v]];
      } else {
        for (std::size_t v = 0; v < values; v += channels) {
          for (std::size_t c = 0; c < channels; ++c) x[v + c] = tables_[c][pixels[v + c]];
        }
      }
      x += values;
      touched(1, pixels_.row_bytes());
    }
  }

  StoredInput stored_input(std::int64_t example) const override {
    check(std::span(&example, 1));
    touched(1, pixels_.row_bytes());
    return {{pixels_.row(example), static_cast<std::size_t>(pixels_.row_bytes())}, {}, 1};
  }

 private:
  Rows pixels_;
  std::vector<std::array<float, 256>> tables_;  // one a channel
};

class Features final : public Dataset {
 public:
  Features(ExampleSpec spec, Rows values, Annotations annotations, const Digest& inputs)
      : Dataset(std::move(spec), values.size(), std::move(annotations), inputs), values_(std::move(values)) {
    check_rows(this->spec(), values_, sizeof(float));
  }

  void read_inputs(std::span<const std::int64_t> indices, float* x) const override {
    check(indices);
    const auto features = static_cast<std::size_t>(spec().shape[0]);
    for (const std::int64_t i : indices) {
      std::memcpy(x, values_.row(i), features * sizeof(float));
      if (!spec().mean.empty()) {
        for (std::size_t f = 0; f < features; ++f) {
          x[f] = static_cast<float>((static_cast<double>(x[f]) - spec().mean[f]) / spec().scale[f]);
        }
      }
      x += features;
      touched(1, values_.row_bytes());
    }
  }

  StoredInput stored_input(std::int64_t example) const override {
    check(std::span(&example, 1));
    touched(1, values_.row_bytes());
    return {{values_.row(example), static_cast<std::size_t>(values_.row_bytes())}, {}, sizeof(float)};
  }

 private:
  Rows values_;
};

}  // namespace

std::shared_ptr<const Dataset> make_images(ExampleSpec spec, Rows pixels, Annotations annotations,
                                           std::optional<Digest> inputs) {
  const Digest digest = inputs ? *inputs : pixels.digest();
  return std::make_shared<Images>(std::move(spec), std::move(pixels), std::move(annotations), digest);
}

std::shared_ptr<const Dataset> make_features(ExampleSpec spec, Rows values, Annotations annotations,
                                             std::optional<Digest> inputs) {
  const Digest digest = inputs ? *inputs : values.digest();
  return std::make_shared<Features>(std::move(spec), std::move(values), std::move(annotations), digest);
}

}  // namespace coppice
