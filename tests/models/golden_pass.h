// Runs a model over the weights and inputs of a golden file and compares what comes out (tests/golden/models/make_goldens.py).
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstring>

#include <gtest/gtest.h>

#include "core/error.h"
#include "models/losses.h"
#include "models/model_state.h"
#include "models/safetensors.h"
#include "models/support.h"

namespace coppice {

inline at::Tensor tensor_of(const Block& block) {
  at::Tensor tensor = at::empty(block.shape, at::TensorOptions().dtype(scalar_type_of(block.dtype)));
  std::memcpy(tensor.mutable_data_ptr(), block.values.data(), block.values.size());
  return tensor;
}

class GoldenFile {
 public:
  explicit GoldenFile(const std::string& name) : file_(read_safetensors(COPPICE_GOLDEN_DIR "/models/" + name + ".safetensors")) {}
  at::Tensor operator[](const std::string& name) const {
    const Block* block = file_.find(name);
    if (block == nullptr) throw Error("the golden file lacks " + name);
    return tensor_of(*block);
  }
  double number(const std::string& name) const { return (*this)[name].item<double>(); }
  std::size_t count(const std::string& prefix) const {
    std::size_t found = 0;
    for (const Block& block : file_.tensors) found += block.name.starts_with(prefix) ? 1U : 0U;
    return found;
  }

 private:
  SafetensorsFile file_;
};

// Relative to the largest value.
inline void expect_close(const at::Tensor& found, const at::Tensor& golden, double tolerance, const std::string& what) {
  ASSERT_TRUE(found.defined()) << what;
  ASSERT_EQ(found.sizes(), golden.sizes()) << what;
  const at::Tensor wide = golden.to(at::kDouble);
  const double scale = std::max(wide.abs().max().item<double>(), 1e-30);
  EXPECT_LE(found.to(at::kDouble).sub(wide).abs().max().item<double>() / scale, tolerance) << what;
}

// `dtype`: float runs the project's own kernels, double those of ATen.
// `tolerance` is of gradients.
inline void expect_golden(const std::string& name, const ModelConfig& config, at::ScalarType dtype = at::kFloat, double tolerance = 1e-5) {
  const GoldenFile golden(name);
  const std::unique_ptr<Model> model = make_model(config);
  const ArenaLayout& base = *model->base_layout();
  const ArenaLayout& moments = *model->moments_layout();
  ASSERT_EQ(golden.count("param."), static_cast<std::size_t>(base.size()));
  ASSERT_EQ(golden.count("moment."), static_cast<std::size_t>(moments.size()));

  const at::Tensor y = golden["y"];
  for (const Mode mode : {Mode::kEval, Mode::kTrain}) {
    std::vector<at::Tensor> params, running;
    for (const ArenaEntry& entry : base.entries()) params.push_back(golden["param." + entry.name].to(dtype).requires_grad_());
    for (const ArenaEntry& entry : moments.entries()) running.push_back(golden["moment." + entry.name].to(dtype));
    Batch batch;
    if (std::holds_alternative<DecoderConfig>(config)) {
      batch.inputs = Tokens{golden["x"]};
    } else {
      batch.inputs = Images{golden["x"].to(dtype)};
    }
    Tap tap;
    const at::Tensor logits = model->forward(batch, {params, running}, tap, mode);
    EXPECT_EQ(logits.scalar_type(), at::kFloat);
    const at::Tensor loss = loss_sum(LossKind::kCrossEntropy, logits, y).div(count_of(LossKind::kCrossEntropy, y));
    loss.backward();

    const bool batch_statistics = mode == Mode::kTrain && moments.size() > 0;
    const std::string key = name + (batch_statistics ? " train." : " eval."), prefix = key.substr(name.size() + 1);
    expect_close(logits, golden[prefix + "logits"], 1e-5, key + "logits");
    expect_close(loss, golden[prefix + "loss"], 1e-5, key + "loss");
    for (int i = 0; i < base.size(); ++i) {
      expect_close(params[i].grad(), golden[prefix + "grad." + base[i].name], tolerance, key + "grad " + base[i].name);
    }
    for (int i = 0; i < moments.size(); ++i) {
      const std::string state = batch_statistics ? "after." : "moment.";
      expect_close(running[i], golden[state + moments[i].name], 1e-5, key + state + moments[i].name);
    }
  }
}

}  // namespace coppice
