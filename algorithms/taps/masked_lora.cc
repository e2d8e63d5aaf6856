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

std::shared_ptr<const ArenaLayout> lora_layout(const ArenaLayout& base, std::span<const ParamId> tensors, std::int64_t rank) {
  auto layout = std::make_shared<ArenaLayout>();
  for (const ParamId tensor : tensors) {
    const ArenaEntry& entry = base[tensor];
    if (entry.shape.size() < 2 || entry.numel == 0) {
      throw InputError("adapter of '" + entry.name + "': found a tensor that is no matrix and no convolution");
    }
    const std::int64_t outputs = entry.shape[0], inputs = entry.numel / outputs;
    const std::int64_t most = std::min({rank, outputs, inputs});
    layout->add(entry.name + ".lora_A", {most, inputs});
    layout->add(entry.name + ".lora_B", {outputs, most});
  }
  return layout;
}

Arena initial_lora(std::shared_ptr<const ArenaLayout> layout, Seed seed) {
  Arena adapters("adapter", std::move(layout));
  for (int i = 0; i < adapters.layout().size(); i += 2) {
    Stream stream(seed, Purpose::kInit, static_cast<std::uint32_t>(i));
    const double deviation = 1.0 / std::sqrt(static_cast<double>(adapters.layout()[i].shape[1]));
    for (float& a : adapters.floats(i)) a = static_cast<float>(deviation * stream.normal());
  }
  return adapters;
}

MaskedLora::MaskedLora(const ArenaLayout& base, std::span<const ParamId> tensors, const Arena& adapters, double scale,
                       const Mask* mask)
    : scale_(scale) {
  if (static_cast<std::size_t>(adapters.layout().size()) != 2 * tensors.size()) throw Error("adapters of another layout");
  for (const at::Tensor& view : adapters.views()) leaves_.push_back(view.detach().set_requires_grad(true));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Adapter& adapter = adapters_[tensors[i]];
    adapter.a = 2 * i;
    if (mask != nullptr && !mask->keeps_all(tensors[i])) adapter.kept = kept_tensor(mask->bits(tensors[i]), base[tensors[i]].shape);
  }
}

at::Tensor MaskedLora::adapted(ParamId weight, const at::Tensor& w) const {
  const auto found = adapters_.find(weight);
  if (found == adapters_.end()) return w;
  const at::Tensor& kept = found->second.kept;
  const at::Tensor change = (at::matmul(b(weight), a(weight)) * scale_).view(w.sizes());
  const at::Tensor sum = w.detach().to(at::kFloat) + change;
  // Not a product: that would leave -0 where the sum is negative.
  return (kept.defined() ? at::where(kept, sum, 0.0) : sum).to(w.scalar_type());
}

at::Tensor MaskedLora::linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  const auto found = adapters_.find(weight);
  if (found == adapters_.end() || found->second.kept.defined()) return Tap::linear(weight, x_I, adapted(weight, w_OI), bias_O);
  const at::Tensor x_R = Tap::linear(weight, x_I, a(weight).to(x_I.scalar_type()), {});
  return Tap::linear(weight, x_I, w_OI.detach(), bias_O) + Tap::linear(weight, x_R, b(weight).to(x_I.scalar_type()), {}) * scale_;
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
