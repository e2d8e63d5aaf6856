#include "algorithms/taps/masked_lora.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"

namespace coppice {
namespace {

at::Tensor kept_tensor(const Bits& bits, const std::vector<std::int64_t>& shape) {
  at::Tensor kept = at::zeros(shape, at::TensorOptions().dtype(at::kBool));
  bool* values = kept.mutable_data_ptr<bool>();
  for (std::int64_t i = 0; i < bits.size(); ++i) values[i] = bits[i];
  return kept;
}

void require_pattern(const Arena& merged, const Mask& pattern) {
  for (const auto& [tensor, bits] : pattern.elements()) {
    const auto weights = merged.floats(tensor);
    std::int64_t outside = 0;
    for (std::int64_t i = 0; i < bits.size(); ++i) outside += !bits[i] && weights[static_cast<std::size_t>(i)] != 0.0F;
    if (outside > 0) {
      throw InputError("merge: tensor '" + merged.layout()[tensor].name + "': found " + std::to_string(outside) +
                       " weights outside the pattern; expected 0: give the adapters the pattern's mask");
    }
  }
}

}  // namespace

MaskedLora::MaskedLora(const ArenaLayout& base, std::span<const ParamId> tensors, std::int64_t rank, double scale,
                       const Mask* mask, Seed seed)
    : scale_(scale) {
  for (const ParamId tensor : tensors) {
    const ArenaEntry& entry = base[tensor];
    if (entry.shape.size() < 2 || entry.numel == 0) {
      throw InputError("adapter of '" + entry.name + "': found a tensor that is no matrix and no convolution");
    }
    const std::int64_t outputs = entry.shape[0], inputs = entry.numel / outputs;
    if (rank < 1 || rank > std::min(outputs, inputs)) {
      throw InputError("adapter of '" + entry.name + "': found rank " + std::to_string(rank) + "; expected 1 to " +
                       std::to_string(std::min(outputs, inputs)));
    }
    Adapter& adapter = adapters_[tensor];
    adapter.a_RI = at::zeros({rank, inputs}, at::TensorOptions().dtype(at::kFloat));
    adapter.b_OR = at::zeros({outputs, rank}, at::TensorOptions().dtype(at::kFloat));
    Stream stream(seed, Purpose::kInit, static_cast<std::uint32_t>(tensor));
    const double deviation = 1.0 / std::sqrt(static_cast<double>(inputs));
    float* a = adapter.a_RI.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < rank * inputs; ++i) a[i] = static_cast<float>(deviation * stream.normal());
    adapter.a_RI.set_requires_grad(true);
    adapter.b_OR.set_requires_grad(true);
    if (mask != nullptr && !mask->keeps_all(tensor)) adapter.kept = kept_tensor(mask->bits(tensor), entry.shape);
  }
}

at::Tensor MaskedLora::adapted(ParamId weight, const at::Tensor& w) const {
  const auto found = adapters_.find(weight);
  if (found == adapters_.end()) return w;
  const Adapter& adapter = found->second;
  const at::Tensor change = (at::matmul(adapter.b_OR, adapter.a_RI) * scale_).view(w.sizes());
  const at::Tensor sum = w.detach().to(at::kFloat) + change;
  // Not a product: that would leave -0 where the sum is negative.
  return (adapter.kept.defined() ? at::where(adapter.kept, sum, 0.0) : sum).to(w.scalar_type());
}

at::Tensor MaskedLora::linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  return Tap::linear(weight, x_I, adapted(weight, w_OI), bias_O);
}

at::Tensor MaskedLora::conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK,
                            const at::Tensor& bias_O, ConvGeometry geometry) {
  return Tap::conv(weight, x_BCHW, adapted(weight, w_OIKK), bias_O, geometry);
}

Arena MaskedLora::merge(const Arena& base, const Mask* pattern) const {
  const at::NoGradGuard no_grad;
  Arena merged = base.clone();
  for (const auto& [weight, adapter] : adapters_) merged.view(weight).copy_(adapted(weight, base.view(weight)));
  if (pattern != nullptr) require_pattern(merged, *pattern);
  return merged;
}

}  // namespace coppice
