// Budgets: how many units of each family, or weights of each matrix, are kept.
//
// global   units: of all families' lowest-scored units, remove the one with the least score / (what its removal
//          saves)^exponent until the budget holds; savings follow the widths reached so far, in the budget's own
//          measure. Weights: the highest scores of all matrices together.
// uniform  the same kept fraction everywhere: units are taken from the family with the largest kept fraction.
// erk      weights only: density of a matrix proportional to (sum of its dims) / (product of its dims) (Erdos-Renyi
//          kernel: Evci et al., ICML 2020, section 3); what would exceed 1 is dense and its share goes to the others.
//          `mass` of the budget goes by the matrices' summed scores instead.
// adaptive weights only: erk with a mass of 0, 1/4, 1/2, 3/4 and 1; the prune stage keeps the mask that loses least on held-out samples.
// layout    units: uniform takes a unit from every family of a shared width at once, each its lowest, and counts their scores and
//           savings together, so that the shapes are those that other tools load; per_layer lets every family have its own width.
//           A width that the class of another tool refuses (Family::plain_divides) is passed over.
// units     only families of these kinds lose units.
// protect   units in the first and last of the layers that hold any stay; under uniform layout for whole layers alone.
// Families that are tied lose units together under any layout. Every family keeps at least one unit, at least `floor` and at least 1 - `cap` of its units; every matrix at least one
// weight, at least `floor` of its uniform share and at least 1 - `cap` of its weights. Ties keep the lower index.
// Cost: one cost() of the model a family and removed unit; weights: 32 counting passes over the scores.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/config.h"
#include "models/arena.h"
#include "models/model.h"
#include "models/prunable_structure.h"
#include "algorithms/importance/importance.h"
#include "algorithms/masking/pattern.h"

namespace coppice {

// What may be kept, as a fraction of the dense model; exactly one is set, 0 = not set.
struct BudgetTarget {
  double flops = 0.0;    // units: multiply-adds of the whole model
  double params = 0.0;   // units: parameters of the whole model
  double bytes = 0.0;    // units: of the whole model's file
  double latency = 0.0;  // units: of a forward pass, by a measured table (algorithms/budget/size.h)
  double density = 0.0;  // weights: of the matrices under the pattern
  void visit(FieldVisitor& v);
};

// What a budget over units counts.
enum class BudgetMeasure : std::uint8_t { kFlops, kParams, kBytes, kLatency };
BudgetMeasure measure_of(const BudgetTarget& target);
// The fraction that is set, of units or of weights.
double fraction_of(const BudgetTarget& target);
double& fraction_of(BudgetTarget& target);
// How many of the targets over units are set.
int unit_targets(const BudgetTarget& target);

struct LatencyTable;

// Whole layers at either end that lose nothing: LLM-Pruner (Ma et al. 2023, section 4.1) keeps the first and last, which are fragile.
struct ProtectConfig {
  std::int64_t first = 0;
  std::int64_t last = 0;
  void visit(FieldVisitor& v);
};

enum class Allocation : std::uint8_t { kGlobal, kUniform, kErk, kAdaptive };
enum class LayerWidths : std::uint8_t { kUniform, kPerLayer };

struct BudgetConfig {
  BudgetTarget budget = {};
  double floor = 0.1;     // units: least kept fraction of a family; weights: of a matrix's uniform share
  double cap = 1.0;       // largest removed fraction of a family or matrix
  double exponent = 0.5;  // units: 0 = score alone, 1 = score per saving
  std::vector<std::string> units = {};  // kinds that may go; none: all that the model declares
  ProtectConfig protect = {};           // units of layers
  Allocation allocation = Allocation::kGlobal;
  double mass = 0.0;  // erk: fraction of the budget
  LayerWidths layout = LayerWidths::kUniform;
  std::int64_t latency_batch = 1;                           // samples of the pass whose time counts
  std::string latency_table = {};                           // file of an earlier run's; empty: measured when the run starts
  std::shared_ptr<const LatencyTable> latencies = nullptr;  // what that became; no setting
  void visit(FieldVisitor& v);
};

// Throws InputError unless exactly one target is set, density for weights and any other for units.
void check_target(const BudgetTarget& target, bool units);

// The score of a unit that an earlier cut removed: it goes before all others.
inline constexpr double kGone = -std::numeric_limits<double>::infinity();

// One byte a group, 1 = kept: the first state on the way down that is within the budget. `scores`: one a group, finite or kGone.
// Throws InputError where the target is density, for latency without a table, for erk, where no mask is small enough, and under the uniform layout
// where families of a shared width differ already.
std::vector<std::uint8_t> choose_units(const Model& model, std::span<const double> scores, const BudgetConfig& config);

// What a budget over units can be, before anything is scored. Sizes are in the target's own measure.
struct BudgetOutlook {
  struct Unit {
    std::string kind;
    std::int64_t families = 1;        // that lose units together
    std::int64_t together = 1;        // units that go at once from the full model
    std::int64_t width = 0;           // of each of the families
    std::int64_t smallest_width = 0;  // with floor, cap, protection and the layout
    std::int64_t saving = 0;          // of these units
    std::int64_t choices = 1;         // how many times such families are there
    bool operator==(const Unit& o) const {
      return kind == o.kind && families == o.families && width == o.width && smallest_width == o.smallest_width && saving == o.saving;
    }
  };
  std::vector<Unit> units = {};
  std::int64_t full = 0;
  std::int64_t smallest = 0;
  std::int64_t within = 0;  // with equal scores: where the budget stops,
  std::int64_t above = 0;   // and the step before
};
// Throws InputError where choose_units would, but for a budget out of reach.
BudgetOutlook budget_outlook(const Model& model, const BudgetConfig& config);

// The budgets that an adaptive one stands for; any other stands for itself.
std::vector<BudgetConfig> alternatives_of(const BudgetConfig& config);

// Weights kept in each matrix that `pattern` (unstructured or RxC) covers; their sum is round(density * all) exactly.
// RxC masks then keep the nearest number of whole blocks. `scores` are needed by kGlobal and by a mass only; blocks compete with
// their mean. Adaptive counts as erk. Throws InputError where the target is not density, and where the least that must be kept exceeds it.
std::map<ParamId, std::int64_t> element_quotas(const PrunableStructure& structure, const ArenaLayout& layout,
                                               const Pattern& pattern, bool edge, const BudgetConfig& config,
                                               const ElementScores* scores);

}  // namespace coppice
