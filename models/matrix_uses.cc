#include "models/matrix_uses.h"

#include <ATen/core/grad_mode.h>

#include <map>

#include "models/input_tensor.h"
#include "models/model_ports.h"

namespace coppice {
namespace {

class Recorder final : public Tap {
 public:
  explicit Recorder(const Arena& base) {
    for (int i = 0; i < base.layout().size(); ++i) entries_[base.view(i).const_data_ptr()] = i;
  }

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override {
    record(weight, x_I, bias_O, false);
    return Tap::linear(weight, x_I, w_OI, bias_O);
  }
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O,
                  ConvGeometry geometry) override {
    record(weight, x_BCHW, bias_O, true);
    return Tap::conv(weight, x_BCHW, w_OIKK, bias_O, geometry);
  }

  int block = 0;
  std::vector<MatrixUse> uses;

 private:
  void record(ParamId weight, const at::Tensor& x, const at::Tensor& bias_O, bool convolution) {
    const ParamId input = inputs_.try_emplace(x.const_data_ptr(), weight).first->second;
    held_.push_back(x);  // so that no later tensor takes its address
    const ParamId bias = bias_O.defined() ? entries_.at(bias_O.const_data_ptr()) : -1;
    uses.push_back({weight, bias, input, block, convolution});
  }

  std::map<const void*, ParamId> entries_;
  std::map<const void*, ParamId> inputs_;
  std::vector<at::Tensor> held_;
};

}  // namespace

std::vector<MatrixUse> matrix_uses(const Model& model, const ModelState& state) {
  const at::NoGradGuard no_grad;
  Recorder recorder(state.base);
  at::Tensor hidden = std::visit(InputTensor{}, made_up_batch(ports_of(model.config()), 1, 0.0F).inputs);
  for (int block = 0; block < model.num_blocks(); ++block) {
    recorder.block = block;
    hidden = model.forward_block(block, hidden, state.weights(), recorder, Mode::kEval);
  }
  return std::move(recorder.uses);
}

}  // namespace coppice
