#include "algorithms/training/sparse_leaves.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "models/support.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Of one use of a matrix: what fills it, and its memory, which comes and goes while shapes and saved references stay.
struct Use : torch::CustomClassHolder {
  Use(const Bits& bits, at::Tensor values) : support(bits), kept(std::move(values)) {}

  const Bits& support;
  at::Tensor kept;
  c10::Storage storage;

  void fill() const {
    if (storage.data() != nullptr) return;
    storage.set_data_ptr(c10::GetAllocator(c10::DeviceType::CPU)->allocate(storage.nbytes()));
    write();
  }
  void write() const {
    const auto numel = static_cast<std::size_t>(support.size());
    if (kept.scalar_type() == at::kFloat) {
      scatter_kept({kept.const_data_ptr<float>(), static_cast<std::size_t>(kept.numel())}, support,
                   {static_cast<float*>(storage.mutable_data()), numel});
    } else {
      scatter_kept({static_cast<const std::uint16_t*>(kept.const_data_ptr()), static_cast<std::size_t>(kept.numel())}, support,
                   {static_cast<std::uint16_t*>(storage.mutable_data()), numel});
    }
  }
  void release() const { storage.set_data_ptr(c10::DataPtr(nullptr, c10::DeviceType::CPU)); }
};

at::Tensor gathered(const at::Tensor& dense, const Bits& support) {
  at::Tensor kept = at::empty({support.count()}, dense.options());
  const at::Tensor whole = dense.contiguous();
  const auto numel = static_cast<std::size_t>(whole.numel()), count = static_cast<std::size_t>(kept.numel());
  if (whole.scalar_type() == at::kFloat) {
    gather_kept({whole.const_data_ptr<float>(), numel}, support, std::span(kept.mutable_data_ptr<float>(), count));
  } else {
    gather_kept({static_cast<const std::uint16_t*>(whole.const_data_ptr()), numel}, support,
                {static_cast<std::uint16_t*>(kept.mutable_data_ptr()), count});
  }
  return kept;
}

class Scatter : public torch::autograd::Function<Scatter> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& kept, at::IntArrayRef shape, const c10::intrusive_ptr<Use>& use) {
    at::Tensor dense = at::empty(shape, kept.options());
    use->storage = dense.storage();
    use->write();
    context->saved_data["use"] = c10::IValue::make_capsule(use);
    return dense;
  }

  static tensor_list backward(AutogradContext* context, tensor_list outputs) {
    const auto use = c10::static_intrusive_pointer_cast<Use>(context->saved_data["use"].toCapsule());
    use->release();
    return {gathered(outputs[0], use->support), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

std::shared_ptr<const ArenaLayout> kept_layout(const ArenaLayout& dense, const Mask& mask) {
  auto layout = std::make_shared<ArenaLayout>();
  for (int i = 0; i < dense.size(); ++i) {
    layout->add(dense[i].name, mask.keeps_all(i) ? dense[i].shape : std::vector<std::int64_t>{mask.bits(i).count()});
  }
  return layout;
}

Arena gather_kept(const Arena& dense, const Mask& mask, std::shared_ptr<const ArenaLayout> layout) {
  Arena kept(dense.name(), std::move(layout));
  for (int i = 0; i < dense.layout().size(); ++i) {
    if (mask.keeps_all(i)) {
      std::ranges::copy(dense.floats(i), kept.floats(i).begin());
    } else {
      gather_kept(dense.floats(i), mask.bits(i), kept.floats(i));
    }
  }
  return kept;
}

SparseLeaves::SparseLeaves(std::shared_ptr<const ArenaLayout> dense, const Mask& mask) : dense_(std::move(dense)), mask_(mask) {}

void SparseLeaves::use(const Arena& values) {
  params_.clear();
  leaves_.clear();
  for (int i = 0; i < dense_->size(); ++i) {
    leaves_.push_back(values.view(i).detach().set_requires_grad(true));
    params_.push_back(mask_.keeps_all(i) ? leaves_.back() : at::zeros({}, values.view(i).options()).expand((*dense_)[i].shape));
  }
}

template <class Operation>
at::Tensor SparseLeaves::with_dense(ParamId weight, const Operation& operation) {
  const at::Tensor& kept = leaves_[static_cast<std::size_t>(weight)];
  const auto use = c10::make_intrusive<Use>(mask_.bits(weight), kept.detach());
  const at::Tensor w = Scatter::apply(kept, at::IntArrayRef((*dense_)[weight].shape), use);
  const at::Tensor y = operation(w);
  use->release();
  // Called before the operation's own backward.
  if (y.requires_grad()) y.register_hook([use](const at::TensorBase&) { use->fill(); });
  return y;
}

at::Tensor SparseLeaves::linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) {
  if (mask_.keeps_all(weight)) return Tap::linear(weight, x_I, w_OI, bias_O);
  return with_dense(weight, [&](const at::Tensor& w) { return Tap::linear(weight, x_I, w, bias_O); });
}

at::Tensor SparseLeaves::conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                              ConvGeometry geometry) {
  if (mask_.keeps_all(weight)) return Tap::conv(weight, x_BCHW, w_OIKK, bias_O, geometry);
  return with_dense(weight, [&](const at::Tensor& w) { return Tap::conv(weight, x_BCHW, w, bias_O, geometry); });
}

}  // namespace coppice
