// A client's Train task: its local steps on the plan's weights, on those that a mask keeps alone, or on adapters, and the report of what
// they changed.
#pragma once

#include <optional>
#include <vector>

#include "algorithms/exchange/plan.h"
#include "algorithms/exchange/report.h"
#include "algorithms/training/adapter_replica.h"
#include "algorithms/training/local_training.h"
#include "algorithms/training/sparse_replica.h"
#include "client/client_data.h"
#include "client/client_models.h"
#include "client/client_store.h"

namespace coppice {

struct TrainingOutcome {
  bool finite = true;
  bool withheld = false;     // by selective updating
  std::int64_t samples = 0;  // 0 where no step was taken
  double flops = 0.0;
};

// Must live as long as the report, which reads its replicas.
class ClientTraining {
 public:
  ClientTraining(const RoundPlan& plan, std::int64_t client, const ClientData& data, const ClientStore& store, ClientModels& models,
                 Report& report)
      : plan_(plan), client_(client), data_(data), store_(store), models_(models), report_(report) {}

  TrainingOutcome run(const TrainTask& task);
  // To be kept at the client once its report is accepted.
  std::vector<Block> take_store() { return std::move(to_store_); }

 private:
  void train_adapters(const TrainTask& task, const LoraConfig& lora, const BatchSource& next, LocalOptions options);
  void train_kept(const TrainTask& task, const BatchSource& next, LocalOptions options);
  // `steps`: how many there will be.
  void train_weights(const TrainTask& task, const BatchSource& next, std::int64_t steps, LocalOptions options);
  // Whether there is something to report; remembers what a client that reports selectively has to.
  bool usable(const TrainTask& task, const LocalResult& result);
  ReleaseContext context(const Release& release) const;
  void release_change(const TrainTask& task, const LocalResult& result, const ReleaseContext& release, const Arena& after,
                      const Arena& before);
  void release_senders(const ReleaseContext& release, const TensorPositions& sent);
  void release_moments(const ReleaseContext& release, const Arena& moments);
  void release_mask(const ReleaseContext& release);
  void report_training(const TrainTask& task, const LocalResult& result, const ReleaseContext& release);

  const RoundPlan& plan_;
  std::int64_t client_;
  const ClientData& data_;
  const ClientStore& store_;
  ClientModels& models_;
  Report& report_;
  std::optional<AdapterReplica> adapters_;
  std::optional<SparseReplica> sparse_;
  TrainingOutcome outcome_;
  std::vector<Block> to_store_;
};

}  // namespace coppice
