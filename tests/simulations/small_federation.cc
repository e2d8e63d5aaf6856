#include "tests/simulations/small_federation.h"

#include <algorithm>
#include <mutex>
#include <numeric>

#include "client/worker.h"
#include "comm/local/local_communicator.h"
#include "coordinator/checkpoint.h"
#include "core/digest.h"
#include "simulations/public_data.h"
#include "simulations/ranked_backend.h"
#include "tests/core/temporary_folder.h"

namespace coppice::test {
namespace {

class Rows : public Dataset {
 public:
  Rows(ExampleSpec spec, std::vector<float> values, Annotations annotations)
      : Dataset(spec, static_cast<std::int64_t>(values.size()) / spec.shape[0], std::move(annotations),
                digest_of(std::as_bytes(std::span(values)))),
        values_(std::move(values)) {}

  void read_inputs(std::span<const std::int64_t> indices, float* x) const override {
    const std::int64_t width = spec().shape[0];
    for (const std::int64_t i : indices) x = std::copy_n(values_.data() + i * width, width, x);
  }
  StoredInput stored_input(std::int64_t example) const override {
    const auto width = static_cast<std::size_t>(spec().shape[0]);
    return {std::as_bytes(std::span(values_).subspan(static_cast<std::size_t>(example) * width, width)), {}, sizeof(float)};
  }

 private:
  std::vector<float> values_;
};

class Log : public Observer {
 public:
  explicit Log(RunLog& log) : log_(log) {}
  void on_step(const Method&, const State&, const StepRecord& record, const StepCost& cost) override {
    log_.records.push_back(record);
    log_.costs.push_back(cost);
  }

 private:
  RunLog& log_;
};

}  // namespace

std::shared_ptr<const ClientData> feature_clients(std::int64_t inputs, std::int64_t outputs, const std::vector<double>& x,
                                                  const std::vector<std::int32_t>& classes,
                                                  const std::vector<std::int64_t>& samples) {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kFeatures;
  spec.shape = {inputs};
  spec.num_targets = outputs;
  Annotations annotations;
  annotations.classes = classes;
  auto data = std::make_shared<ClientData>();
  data->train = data->test =
      std::make_shared<const Rows>(spec, std::vector<float>(x.begin(), x.end()), std::move(annotations));
  std::vector<std::int64_t> offsets{0};
  for (const std::int64_t count : samples) offsets.push_back(offsets.back() + count);
  std::vector<std::int64_t> order(static_cast<std::size_t>(offsets.back()));
  std::iota(order.begin(), order.end(), 0);
  const Partition dealt(std::move(offsets), std::move(order));
  data->clients = hold_out(dealt, HoldoutConfig{.fraction = 0.0});
  data->test_clients = dealt;
  return data;
}

RunLog run_stages(const std::vector<std::unique_ptr<Method>>& stages, State& state, const std::shared_ptr<const ClientData>& data,
                  int ranks, std::int64_t steps, const std::vector<Device>& devices, const std::string& stores,
                  const std::shared_ptr<const ClientData>& own) {
  RunLog log;
  run_local_ranks(ranks, [&](Communicator& comm) {
    Worker worker(data, ClientStore(stores));
    RankedBackend backend(comm, worker, data->population(), "");
    if (comm.rank() != 0) return backend.serve();
    Ledger ledger(devices);
    Log observer(log);
    const std::int64_t last = state.steps_done + steps;
    CoordinatorBackend coordinator(own ? own : data, "", backend);
    run(stages, state, coordinator, ledger, {&observer},
        {[](const State&, bool) {}, [&state, last] { return state.steps_done >= last; }});
    backend.release_ranks();
  });
  return log;
}

State reloaded(const State& state) {
  const TemporaryFolder folder;
  State saved = state;
  Checkpoint(folder.path(), "config", {}).save(saved);
  std::string warning;
  return Checkpoint(folder.path(), "config", {}).load(warning);
}

}  // namespace coppice::test
