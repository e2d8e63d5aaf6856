#include "python/tensor_source.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

std::int64_t num_classes_of(const at::Tensor& classes_N) {
  std::int64_t most = -1;
  const auto* classes = classes_N.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < classes_N.numel(); ++i) {
    if (classes[i] < 0 || classes[i] > std::int64_t{1} << 20) {
      throw InputError("data: classes: found " + std::to_string(classes[i]) + "; expected numbers from 0");
    }
    most = std::max(most, classes[i]);
  }
  return most + 1;
}

class TensorDataset final : public Dataset {
 public:
  // `x_NX`: contiguous. The network takes channels first; data sets read them last.
  TensorDataset(ExampleSpec spec, const at::Tensor& x_NX, Annotations annotations, std::int64_t size)
      : Dataset(std::move(spec), size, std::move(annotations),
                digest_of(std::as_bytes(std::span(x_NX.const_data_ptr<float>(), static_cast<std::size_t>(x_NX.numel()))))),
        x_NX_(x_NX) {}

  void read_inputs(std::span<const std::int64_t> indices, float* x) const override {
    check(indices);
    const std::int64_t values = spec().values_per_example();
    const std::int64_t channels = spec().shape.size() == 3 ? spec().shape[2] : 1;
    const std::int64_t pixels = values / channels;
    for (const std::int64_t index : indices) {
      const float* from = x_NX_.const_data_ptr<float>() + index * values;
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t c = 0; c < channels; ++c) *x++ = from[c * pixels + p];
      }
    }
  }

  StoredInput stored_input(std::int64_t example) const override {
    check(std::span(&example, 1));
    const auto values = static_cast<std::size_t>(spec().values_per_example());
    const std::span all(x_NX_.const_data_ptr<float>(), static_cast<std::size_t>(x_NX_.numel()));
    return {std::as_bytes(all.subspan(static_cast<std::size_t>(example) * values, values)), {}, sizeof(float)};
  }

 private:
  at::Tensor x_NX_;
};

// Every fifth example, or the others.
std::shared_ptr<const Dataset> part_of(const ExampleSpec& spec, const at::Tensor& x_NX, const at::Tensor& classes_N, bool test) {
  Annotations annotations;
  const std::int64_t values = spec.values_per_example();
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < x_NX.size(0); ++i) {
    if ((i % 5 == 4) == test) chosen.push_back(i);
  }
  std::vector<std::int64_t> shape = x_NX.sizes().vec();
  shape[0] = static_cast<std::int64_t>(chosen.size());
  const at::Tensor part_NX = at::empty(shape, at::TensorOptions().dtype(at::kFloat));
  float* to = part_NX.mutable_data_ptr<float>();
  for (const std::int64_t i : chosen) {
    to = std::copy_n(x_NX.const_data_ptr<float>() + i * values, values, to);
    annotations.classes.push_back(static_cast<std::int32_t>(classes_N.const_data_ptr<std::int64_t>()[i]));
  }
  return std::make_shared<const TensorDataset>(spec, part_NX, std::move(annotations), shape[0]);
}

}  // namespace

TensorSource::TensorSource(const at::Tensor& inputs, const at::Tensor& classes) {
  const at::Tensor x_NX = inputs.contiguous();
  const at::Tensor classes_N = classes.contiguous();
  const bool image = x_NX.dim() == 4;
  if ((!image && x_NX.dim() != 2) || x_NX.scalar_type() != at::kFloat || x_NX.size(0) < 5) {
    throw InputError("data: inputs: found shape " + shape_text(x_NX.sizes().vec()) + "; expected at least five of [N, C, H, W] or [N, F] in float32");
  }
  if (classes_N.dim() != 1 || classes_N.scalar_type() != at::kLong || classes_N.size(0) != x_NX.size(0)) {
    throw InputError("data: classes: found shape " + shape_text(classes_N.sizes().vec()) + "; expected [" + std::to_string(x_NX.size(0)) +
                     "] in int64");
  }
  for (const float value : std::span(x_NX.const_data_ptr<float>(), static_cast<std::size_t>(x_NX.numel()))) {
    if (!std::isfinite(value)) throw InputError("data: inputs: found a value that is not finite");
  }
  ExampleSpec spec;
  spec.kind = image ? ExampleSpec::Kind::kImage : ExampleSpec::Kind::kFeatures;
  spec.shape = image ? std::vector{x_NX.size(2), x_NX.size(3), x_NX.size(1)} : std::vector{x_NX.size(1)};
  spec.num_targets = num_classes_of(classes_N);
  data_.train = part_of(spec, x_NX, classes_N, false);
  data_.test = part_of(spec, x_NX, classes_N, true);
}

}  // namespace coppice
