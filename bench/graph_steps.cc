// Training steps of an imported network, or of the built-in ResNet-20, on made-up data; one JSON line.
//
//   graph_steps FILE.pt2|resnet20 BATCH LENGTH STEPS      (LENGTH: tokens of a text, where tokens go in)
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <ATen/Parallel.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "algorithms/training/replica.h"
#include "bench/cpu_seconds.h"
#include "core/allocator.h"
#include "core/error.h"
#include "models/graph/graph_model.h"
#include "models/model_ports.h"

namespace coppice {
namespace {

Batch made_up(const Model& model, std::int64_t count, std::int64_t length) {
  const ModelPorts ports = ports_of(model.config());
  if (ports.input == ModelPorts::Input::kTokens) {
    const at::Tensor ids = at::randint(ports.vocabulary, {count, length}, at::kLong);
    Tap tap;
    const bool each = make_model(model.config())
                          ->forward({Tokens{ids.narrow(0, 0, 1)}, {}}, initial_state(model, Seed{}).weights(), tap, Mode::kEval)
                          .dim() == 3;
    return {Tokens{ids}, each ? at::randint(ports.outputs, {count, length}, at::kLong) : at::randint(ports.outputs, {count}, at::kLong)};
  }
  return {Images{at::randn({count, ports.shape[2], ports.shape[0], ports.shape[1]})}, at::randint(ports.outputs, {count}, at::kLong)};
}

void measure(const std::string& path, std::int64_t count, std::int64_t length, int steps) {
  const double start = cpu_seconds();
  ModelState state = path == "resnet20" ? initial_state(*make_model(Resnet20Config{}), Seed{}) : read_graph_file(path);
  const double load_s = cpu_seconds() - start;
  std::shared_ptr<const Model> model = make_model(state.config);
  const Batch batch = made_up(*model, count, length);
  const auto parameters = static_cast<long long>(state.base.layout().numel());
  Replica replica(model);
  replica.load(std::make_shared<const ModelState>(std::move(state)), Precision::kF32);
  Optimizer optimizer(SgdConfig{.lr = 0.01, .momentum = 0.9}, model->base_layout());
  Tap tap;
  double least = 1e9;
  for (int i = 0; i < steps; ++i) {
    const double before = cpu_seconds();
    replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kTrain, true);
    replica.step(optimizer, {});
    least = std::min(least, cpu_seconds() - before);
  }
  std::printf("{\"parameters\": %lld, \"load_cpu_s\": %.4f, \"step_cpu_s\": %.5f}\n", parameters, load_s, least);
}

}  // namespace
}  // namespace coppice

int main(int argc, char** argv) {
  coppice::pin_allocator();
  at::set_num_threads(1);
  if (argc != 5) {
    std::fprintf(stderr, "usage: graph_steps FILE.pt2|resnet20 BATCH LENGTH STEPS\n");
    return 2;
  }
  try {
    coppice::measure(argv[1], std::atoll(argv[2]), std::atoll(argv[3]), std::atoi(argv[4]));
  } catch (const coppice::Error& error) {
    std::fprintf(stderr, "graph_steps: %s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
  return 0;
}
