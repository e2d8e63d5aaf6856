// What goes down: one plan a round. Methods compose plans from a small closed set of tasks; they never run on a client.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "algorithms/exchange/release.h"
#include "algorithms/importance/importance.h"
#include "algorithms/training/adapter_config.h"
#include "algorithms/training/extrusion.h"
#include "algorithms/training/lottery.h"
#include "algorithms/training/optimizer_config.h"
#include "algorithms/training/precision.h"
#include "algorithms/training/sparse_config.h"
#include "algorithms/training/teacher.h"
#include "core/block.h"
#include "core/seed.h"
#include "data/batches.h"
#include "models/losses.h"
#include "models/mask.h"
#include "models/model_state.h"

namespace coppice {

// Which of a client's samples a task looks at.
enum class Split : std::uint8_t { kTrain, kSelect, kTest };

// At which weights a task looks: those the plan brought, or those the plan's Train task made of them.
enum class At : std::uint8_t { kReceived, kTrained };

// A candidate that a plan carries besides its own mask and moments: candidate masks, BN moments, sub-models.
struct Variant {
  std::string name;
  std::shared_ptr<const Mask> mask;        // null: the plan's mask
  std::shared_ptr<const Arena> moments;    // null: the model's own running statistics
};

// Local steps; reports weight * (trained - received) on the release's support, and the running statistics as additive sums.
struct TrainTask {
  static constexpr const char* kName = "train";
  OptimizerConfig optimizer = SgdConfig{};
  double lr_scale = 1.0;       // of the coordinator's schedule
  std::int64_t epochs = 1;
  std::int64_t batch = 32;
  BatchRule::Last last = BatchRule::Last::kDropUnlessOnly;  // samples that do not fill a batch
  std::int64_t max_steps = 0;  // 0: as many as the epochs hold
  double prox_mu = 0.0;        // FedProx
  double clip_norm = 0.0;      // of a step's gradient; 0 = unbounded
  bool scaffold = false;       // control variates from the client store (algorithms/aggregation/scaffold.h)
  bool loss_drop = false;      // report how far the loss fell, by variant
  bool per_step = false;       // report the change divided by the client's effective steps (algorithms/aggregation/fednova.h)
  SparseConfig sparse = FixedMask{};
  std::optional<DistillConfig> distill = {};  // from the plan's teacher
  AdapterConfig adapter = NoAdapter{};   // train the plan's adapters instead of its values
  std::optional<ExtrusionTask> extrusion = {};  // push the smallest kept weights towards 0
  std::optional<LotteryTask> lottery = {};      // under personal masks: drop more of one's own, and start again from the plan's origin
  double activations = 1.0;    // kept fraction of a product's inputs where its weights' gradient is taken (algorithms/taps/sparse_inputs.h)
  std::int64_t rounds = 1;     // of the stage, for what is scheduled over its steps
  Precision precision = Precision::kF32;
  bool recompute = false;      // activations twice rather than kept
  bool selective = false;      // report only where the loss is lower than at the client's last report (client/selective_updating.h)
  Release release{.select = Release::Select::kPlanSupport};
  void visit(FieldVisitor& v);
};

// Importance of units or of single weights.
struct EstimateTask {
  static constexpr const char* kName = "estimate";
  ImportanceConfig importance = TaylorConfig{};
  ScoreTarget target = ScoreTarget::kUnits;
  bool confidence = false;     // also variances (algorithms/importance/scores.h)
  bool edge = false;           // single weights of the first and last layer too
  At at = At::kReceived;
  std::int64_t batches = 4;    // 0: all
  std::int64_t batch = 64;
  Precision precision = Precision::kF32;
  bool recompute = false;
  Release release;
  void visit(FieldVisitor& v);
};

// Loss, hits, confusion counts and score histograms of each variant.
struct MeasureTask {
  static constexpr const char* kName = "measure";
  Split split = Split::kTest;
  At at = At::kReceived;
  std::int64_t batch = 256;
  bool details = false;        // confusion counts and score histograms besides loss and hits
  Precision precision = Precision::kF32;
  Release release{.weight = Release::Weight::kOne};
  void visit(FieldVisitor& v);
};

// Sums of statistics: batch-norm moments of a train-mode pass under each variant, or what the inputs of some matrices are like, all
// variants aside: their sums, or X^T X.
struct CollectTask {
  static constexpr const char* kName = "collect";
  enum class Statistic : std::uint8_t { kBatchNorm, kInputSums, kInputProducts };
  Statistic statistic = Statistic::kBatchNorm;
  bool pooled = true;          // batch norm: sums of x^2, else of a client's own variance times its count
  std::vector<std::int64_t> tensors = {};  // inputs: whose; entries of the base layout
  // Inputs: the blocks that are looked into. Those before are passed through once for all plans of a stage that ask for the same
  // batches: the client keeps what they put out, so their weights must stay as they were.
  std::int64_t first_block = 0;
  std::int64_t last_block = 0;
  std::int64_t batches = 0;    // 0: all
  std::int64_t batch = 64;
  Precision precision = Precision::kF32;
  Release release{.weight = Release::Weight::kOne};
  void visit(FieldVisitor& v);
};

// What a mask may be adjusted by: gradients of dropped weights, squared gradients of all weights, a client's votes, or the densities that it
// would give its matrices. Private top-k looks at one batch and holds `counts` entries and the gradient of the block at hand. Batches are
// those that the client would train on next.
struct GrowthTask {
  static constexpr const char* kName = "growth";
  enum class What : std::uint8_t { kGradients, kSquares, kVotes, kDensities };
  What what = What::kGradients;
  std::vector<std::int64_t> tensors = {};  // entries of the base layout
  std::vector<std::int64_t> counts = {};   // of each: largest gradients, candidates, or votes to grow; none where release.select is dense
  std::vector<std::int64_t> drops = {};    // of each: votes against the client's own smallest kept weights; empty: none are asked
  double rate = 0.0;                       // densities: fraction of a matrix's kept weights that moves (algorithms/dynamics/flash.h)
  std::int64_t batches = 1;
  std::int64_t batch = 64;
  At at = At::kTrained;
  Release release{.select = Release::Select::kPrivateTopK};
  void visit(FieldVisitor& v);
};

// Name of the public scores that clients compare their own with (agreement fusion), among RoundPlan::references.
inline constexpr const char* kAgreementReference = "reference/agreement";

using Task = std::variant<TrainTask, EstimateTask, MeasureTask, CollectTask, GrowthTask>;

// A model that stays as it is while plans refer to it: its values travel once, then its digest is enough.
struct FrozenModel {
  std::shared_ptr<const ModelState> values;  // null: none
  Digest digest;
};
FrozenModel frozen(std::shared_ptr<const ModelState> values);

struct RoundPlan {
  std::uint64_t run_id = 0;
  std::uint64_t id = 0;                       // unique in the run, ascending
  std::string stage;
  std::string track = "model";                // which of the run's models this is about; the coordinator's business
  std::int64_t round = 0;                     // within the stage, from 0
  Seed seed;                                  // run and the plan's own round number
  std::vector<std::int64_t> cohort;           // clients of the split that the tasks look at, ascending
  LossKind loss = LossKind::kCrossEntropy;

  std::shared_ptr<const ModelState> values;
  std::shared_ptr<const Mask> mask;           // null: nothing is dropped
  bool shadows = false;                       // `values` holds shadow weights where the mask drops, else 0
  std::optional<Digest> frozen;               // of `values`, where they stay as they are: they travel once
  std::shared_ptr<const Arena> adapters;      // of a Train task that adapts, dense
  FrozenModel teacher;                        // of a Train task that distills
  FrozenModel origin;                         // of one that goes back to where it began; in a client's own view: null unless it does
  std::vector<Variant> variants;              // empty: the plan's own mask and moments alone
  // Client -> the variant that it trains, whose mask is of whole units; empty: every client all variants. A client receives and sends what
  // its variant keeps (algorithms/exchange/submodel.h).
  std::map<std::int64_t, std::int64_t> assignment;
  bool personal = false;                      // each client has a mask of its own, in its store; none there: everything is kept
  bool part = false;                          // as one client sees it that has a variant's mask or its own: the sums are of all
  std::vector<Task> tasks;
  std::map<std::string, Block> references;    // public blocks that tasks refer to: fused scores, control variate

  std::map<std::string, int> exponents;       // of each block's fixed-point sum; blocks not named take kDefaultExponent
  bool probe = false;                         // report histograms of binary exponents instead of the values
  std::map<std::int64_t, std::uint64_t> store_versions;  // client -> plan id of its committed store; absent: nothing stored
  bool individual_reports = false;            // besides the sum, single reports in client order
};

}  // namespace coppice
