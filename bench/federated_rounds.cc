// Rounds of federated averaging on a workload that bench/run.py wrote, timed in CPU seconds: the same data, model, batches and
// steps as bench/peers/bare_pytorch.py.
//
//   federated_rounds DATA_PREFIX tiny|medium|wide ROUNDS [CLIENTS]
//
// Prints one JSON line. CLIENTS > 100 deals the same samples to that many virtual clients, to see what the number alone costs.
#include <ATen/Parallel.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "algorithms/methods/federated_training.h"
#include "bench/cpu_seconds.h"
#include "client/worker.h"
#include "comm/local/local_communicator.h"
#include "coordinator/run.h"
#include "core/allocator.h"
#include "core/error.h"
#include "core/file.h"
#include "core/process_memory.h"
#include "models/model.h"
#include "simulations/ranked_backend.h"

namespace coppice {
namespace {

constexpr std::int64_t kSide = 28;
constexpr std::int64_t kCohort = 10;
constexpr double kLr = 0.05;

struct Workload {
  std::int64_t samples_per_client;
  std::int64_t batch;
  ModelConfig model;
  bool images;
};

Workload workload_named(const std::string& name) {
  if (name == "tiny") return {60, 10, CnnConfig{}, true};
  if (name == "medium") return {600, 32, CnnConfig{}, true};
  if (name == "wide") return {60, 60, MlpConfig{.inputs = kSide * kSide, .hidden = {4096, 1600}, .outputs = 10}, false};
  throw InputError(unknown_name("workload", name, {"tiny", "medium", "wide"}));
}

// Float32 examples as the peers hold them: [N, 28, 28].
class FloatExamples : public Dataset {
 public:
  FloatExamples(ExampleSpec spec, std::vector<std::byte> values, Annotations annotations)
      : Dataset(std::move(spec), static_cast<std::int64_t>(values.size()) / (kSide * kSide * 4), std::move(annotations),
                digest_of(values)),
        values_(std::move(values)) {}

  void read_inputs(std::span<const std::int64_t> indices, float* x) const override {
    for (const std::int64_t i : indices) {
      std::memcpy(x, values_.data() + i * kSide * kSide * 4, kSide * kSide * 4);
      x += kSide * kSide;
    }
  }
  StoredInput stored_input(std::int64_t example) const override {
    constexpr std::size_t kBytes = kSide * kSide * 4;
    return {std::span(values_).subspan(static_cast<std::size_t>(example) * kBytes, kBytes), {}, sizeof(float)};
  }

 private:
  std::vector<std::byte> values_;
};

std::shared_ptr<const Dataset> read_examples(const std::string& prefix, const Workload& workload) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  ExampleSpec spec;
  spec.kind = workload.images ? ExampleSpec::Kind::kImage : ExampleSpec::Kind::kFeatures;
  spec.shape = workload.images ? std::vector<std::int64_t>{kSide, kSide, 1} : std::vector<std::int64_t>{kSide * kSide};
  spec.num_targets = 10;
  Annotations annotations;
  const std::vector<std::byte> labels = read_file(prefix + ".y", kMost);
  for (std::size_t i = 0; i < labels.size(); i += 8) {
    std::int64_t label = 0;
    std::memcpy(&label, labels.data() + i, 8);
    annotations.classes.push_back(static_cast<std::int32_t>(label));
  }
  return std::make_shared<const FloatExamples>(spec, read_file(prefix + ".x", kMost), std::move(annotations));
}

// Client i owns the rows from i * n on, as with the peers.
Partition equal_shares(std::int64_t samples, std::int64_t clients) {
  std::vector<std::int64_t> offsets;
  for (std::int64_t client = 0; client <= clients; ++client) offsets.push_back(client * samples / clients);
  std::vector<std::int64_t> order(static_cast<std::size_t>(samples));
  std::iota(order.begin(), order.end(), 0);
  return Partition(std::move(offsets), std::move(order));
}

class Clock : public Observer {
 public:
  void on_step(const Method&, const State&, const StepRecord& record, const StepCost&) override {
    stamps.push_back(cpu_seconds());
    loss = record.numbers.at("train_loss");
  }
  std::vector<double> stamps;
  double loss = 0.0;
};

int run_bench(int argc, char** argv) {
  if (argc < 4) throw InputError("usage: federated_rounds DATA_PREFIX tiny|medium|wide ROUNDS [CLIENTS]");
  const Workload workload = workload_named(argv[2]);
  auto data = std::make_shared<ClientData>();
  data->train = data->test = read_examples(argv[1], workload);
  const std::int64_t clients = argc > 4 ? std::atoll(argv[4]) : 100;
  const std::uint64_t before_index = rss_bytes();
  Partition dealt = equal_shares(data->train->size(), clients);
  const std::int64_t index_bytes = dealt.index_bytes();
  const std::uint64_t index_grew = rss_bytes() - before_index;
  data->clients = hold_out(dealt, HoldoutConfig{.fraction = 0.0});
  data->test_clients = std::move(dealt);
  const Population population = data->population();

  FederationConfig federation;
  federation.cohort = kCohort;
  federation.local.batch = workload.batch;
  federation.local.last = BatchRule::Last::kKeep;
  federation.optimizer = SgdConfig{.lr = kLr};
  federation.divergence = 0.0;  // with one sample a client the loss of a round says little
  FinetuneConfig stage;
  stage.rounds = std::atoll(argv[3]);
  stage.evaluate_every = 0;
  std::vector<std::unique_ptr<Method>> stages;
  stages.push_back(std::make_unique<FederatedTraining>("rounds", stage, federation, LossKind::kCrossEntropy, population));
  // Evaluation is no part of the comparison.
  State state;
  state.run_id = 1;
  state.tracks[kMainTrack] =
      Track{std::make_shared<const ModelState>(initial_state(*make_model(workload.model), Seed{1, 0, 0})), nullptr, nullptr, {}};

  const auto comm = make_solo_communicator();
  Worker worker(data, ClientStore(""));
  RankedBackend backend(*comm, worker, population, "");
  Clock clock;
  clock.stamps.push_back(cpu_seconds());
  Ledger ledger;
  const std::int64_t last = 2 * stage.rounds - 1;
  RunHooks hooks{[](State&, bool) {}, [&state, last] { return state.step >= last; }};
  run(stages, state, backend, ledger, {&clock}, hooks);

  constexpr std::size_t kWarmup = 2;
  std::vector<double> rounds;
  for (std::size_t i = kWarmup + 1; i < clock.stamps.size(); ++i) rounds.push_back(clock.stamps[i] - clock.stamps[i - 1]);
  const double mean = std::accumulate(rounds.begin(), rounds.end(), 0.0) / static_cast<double>(rounds.size());
  std::printf(
      "{\"name\": \"coppice\", \"workload\": \"%s\", \"clients\": %lld, \"rounds\": %zu, \"cpu_s_per_round\": %.6f, "
      "\"train_loss\": %.5f, \"peak_rss_bytes\": %llu, \"index_bytes\": %lld, \"index_rss_bytes\": %llu}\n",
      argv[2], static_cast<long long>(clients), rounds.size(), mean, clock.loss,
      static_cast<unsigned long long>(peak_rss_bytes()), static_cast<long long>(index_bytes),
      static_cast<unsigned long long>(index_grew));
  return 0;
}

}  // namespace
}  // namespace coppice

int main(int argc, char** argv) {
  coppice::pin_allocator();
  at::set_num_threads(1);
  try {
    return coppice::run_bench(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "federated_rounds: %s\n", error.what());
    return 2;
  }
}
