#include "coordinator/latency.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "core/phase_timer.h"
#include "core/seed.h"
#include "models/model_ports.h"

namespace coppice {
namespace {

constexpr std::size_t kLeastPasses = 20;
constexpr double kLeastSeconds = 0.1;
constexpr double kEnoughSeconds = 2.0;  // large models: fewer passes
constexpr std::int64_t kMostTokens = 32;

}  // namespace

Batch random_batch(const Model& model, const std::vector<std::int64_t>& shape, std::int64_t count) {
  Batch batch;
  batch.targets = at::zeros({count}, at::kLong);
  Stream stream(Seed{}, Purpose::kTest);
  if (const ModelPorts ports = ports_of(model.config()); ports.input == ModelPorts::Input::kTokens) {
    const bool any = ports.shape[0] < 0;
    const at::Tensor ids = at::empty({count, any ? std::min(shape[0], kMostTokens) : ports.shape[0]}, at::kLong);
    auto* values = ids.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < ids.numel(); ++i) {
      values[i] = static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(ports.vocabulary)));
    }
    batch.inputs = Tokens{ids};
    return batch;
  }
  std::vector<std::int64_t> full = {count};
  full.insert(full.end(), shape.begin(), shape.end());
  const at::Tensor x = at::empty(full, at::kFloat);
  auto* values = x.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) values[i] = static_cast<float>(stream.normal());
  if (shape.size() == 3) {
    batch.inputs = Images{x.permute({0, 3, 1, 2})};
  } else {
    batch.inputs = Features{x};
  }
  return batch;
}

namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Median milliseconds of each of `passes`, which take turns, so that what else the machine does meets them alike.
std::vector<double> medians_in_turns(const std::vector<std::function<void()>>& passes) {
  const auto turn = [&passes](std::vector<std::vector<double>>* found) {
    double seconds = 0.0;
    for (std::size_t i = 0; i < passes.size(); ++i) {
      const double start = steady_seconds();
      passes[i]();
      const double one = steady_seconds() - start;
      if (found != nullptr) (*found)[i].push_back(1e3 * one);
      seconds += one;
    }
    return seconds;
  };
  const double enough = kEnoughSeconds * static_cast<double>(passes.size());
  double total = 0.0;
  for (int warmup = 0; warmup < 3 && total < enough; ++warmup) total += turn(nullptr);
  std::vector<std::vector<double>> milliseconds(passes.size());
  total = 0.0;
  while (milliseconds[0].empty() || ((milliseconds[0].size() < kLeastPasses || total < kLeastSeconds) && total < enough)) {
    total += turn(&milliseconds);
  }
  std::vector<double> medians;
  for (std::vector<double>& times : milliseconds) medians.push_back(median(std::move(times)));
  return medians;
}

}  // namespace

double measure_latency_ms(const Model& model, const ModelState& state, const std::vector<std::int64_t>& sample_shape,
                          std::int64_t count) {
  const at::NoGradGuard no_grad;
  const Batch batch = random_batch(model, sample_shape, count);
  Tap tap;
  return medians_in_turns({[&] { model.forward(batch, state.weights(), tap, Mode::kEval); }})[0];
}

double measure_latency_ratio(const Model& a, const ModelState& state_a, const Model& b, const ModelState& state_b,
                             const std::vector<std::int64_t>& sample_shape, std::int64_t count) {
  const at::NoGradGuard no_grad;
  const Batch batch = random_batch(a, sample_shape, count);
  Tap tap;
  const std::vector<double> times = medians_in_turns({[&] { a.forward(batch, state_a.weights(), tap, Mode::kEval); },
                                                      [&] { b.forward(batch, state_b.weights(), tap, Mode::kEval); }});
  return times[0] / times[1];
}

}  // namespace coppice
