#include "coordinator/latency.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/seed.h"

namespace coppice {
namespace {

constexpr std::size_t kLeastPasses = 20;
constexpr double kLeastSeconds = 0.1;

}  // namespace

Batch random_batch(const Model& model, const std::vector<std::int64_t>& shape, std::int64_t count) {
  Batch batch;
  batch.targets = at::zeros({count}, at::kLong);
  if (std::holds_alternative<DecoderConfig>(model.config())) {
    batch.inputs = Tokens{at::zeros({count, shape[0]}, at::kLong)};
    return batch;
  }
  std::vector<std::int64_t> full = {count};
  full.insert(full.end(), shape.begin(), shape.end());
  const at::Tensor x = at::empty(full, at::kFloat);
  Stream stream(Seed{}, Purpose::kTest);
  auto* values = x.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) values[i] = static_cast<float>(stream.normal());
  if (shape.size() == 3) {
    batch.inputs = Images{x.permute({0, 3, 1, 2})};
  } else {
    batch.inputs = Features{x};
  }
  return batch;
}

double measure_latency_ms(const Model& model, const ModelState& state, const std::vector<std::int64_t>& sample_shape,
                          std::int64_t count) {
  const at::NoGradGuard no_grad;
  const Batch batch = random_batch(model, sample_shape, count);
  Tap tap;
  std::vector<double> milliseconds;
  double total = 0.0;
  for (int warmup = 0; warmup < 3; ++warmup) model.forward(batch, state.weights(), tap, Mode::kEval);
  while (milliseconds.size() < kLeastPasses || total < kLeastSeconds) {
    const auto start = std::chrono::steady_clock::now();
    model.forward(batch, state.weights(), tap, Mode::kEval);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    milliseconds.push_back(1e3 * seconds);
    total += seconds;
  }
  std::nth_element(milliseconds.begin(), milliseconds.begin() + static_cast<std::ptrdiff_t>(milliseconds.size() / 2),
                   milliseconds.end());
  return milliseconds[milliseconds.size() / 2];
}

}  // namespace coppice
