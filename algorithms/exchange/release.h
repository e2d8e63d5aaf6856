// The last step of every task: how what a client computed becomes what leaves it. Nothing leaves a client in any other way,
// so this pipeline is the list to audit:
//
//   select -> transform -> weight -> clip -> encode -> protect
//
// Cost: one pass over the selected values.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "algorithms/fusion/client_fusion.h"
#include "core/config.h"
#include "core/seed.h"
#include "models/arena.h"
#include "models/mask.h"

namespace coppice {

struct Release {
  enum class Select : std::uint8_t {
    kDense,        // every value
    kPlanSupport,  // the values kept by the plan's mask
    kCandidates,   // the values at a candidate set that the coordinator's seed draws from the dropped ones
    kPrivateTopK,  // each client's own positions, which travel: of growth the largest |values| among the dropped ones, of training what
                   // ZeroFL sends (algorithms/training/zerofl.h)
  };
  enum class Weight : std::uint8_t {
    kOne,      // every client counts the same
    kSamples,  // by number of samples
  };
  enum class Wire : std::uint8_t { kF32, kBF16, kF16, kI8 };
  enum class Protect : std::uint8_t { kNone };

  Select select = Select::kDense;
  ClientFusionConfig transform = MeanFusion{};     // raw, l1, vote, rank or agreement: the client's half of client fusion
  Weight weight = Weight::kSamples;
  double clip = 0.0;                               // largest l2 norm of the report; 0 = unbounded
  Wire wire = Wire::kF32;
  Protect protect = Protect::kNone;

  void visit(FieldVisitor& v);
};

class Report;

// Positions of some tensors' values, ascending.
using TensorPositions = std::map<ParamId, std::vector<std::uint32_t>>;

// What a release needs to know besides its settings.
struct ReleaseContext {
  const Release& release;
  const Mask* mask = nullptr;     // the plan's; null: nothing dropped
  std::int64_t samples = 0;       // of the client, for the task at hand
  Seed seed;                      // of the plan
  std::int64_t client = 0;
  const TensorPositions* own = nullptr;   // kPrivateTopK of a difference: the positions of each tensor of which not all values are sent
  bool part = false;              // `mask` is the client's own by assignment, and sums are of all weights: its values go to their places there
};

// The client's weight: its samples, or 1.
double weight_of(const ReleaseContext& context);

// Blocks "<prefix><tensor>" = scale * weight * clip factor * (after - before), one a base entry; returns the clip factor.
double release_difference(const ReleaseContext& context, const std::string& prefix, const Arena& after,
                          const Arena& before, Report& report, double scale = 1.0);

// Blocks "<prefix><block>": a client's scores after its half of client fusion. `reference`: public scores, or null.
void release_scores(const ReleaseContext& context, const std::string& prefix, std::span<const ScoreBlock> blocks,
                    std::vector<std::vector<double>> values, const std::vector<double>* reference, Report& report);

// weight * values at some positions of a block (ascending), which travel unless the coordinator drew them; at all where there are none
// of its own (kDense). `salt` tells the blocks of a report apart.
void release_entries(const ReleaseContext& context, const std::string& block, std::uint32_t salt, std::vector<std::uint32_t> positions,
                     std::vector<float> values, Report& report);

// weight * 1 at some positions of a block (ascending): a vote each. Positions alone travel, unless the coordinator knows them.
void release_votes(const ReleaseContext& context, const std::string& block, std::vector<std::uint32_t> positions, Report& report,
                   bool known = false);

// A vector of additive sums, as it is; times the client's weight where `weighted`.
void release_sums(const ReleaseContext& context, const std::string& block, std::vector<double> values, bool weighted,
                  Report& report);

// The `count` largest |values| among the positions that `kept` has not (equal ones: the lower index); ascending. A bounded heap: O(count)
// memory, O(n log count) time.
std::vector<std::uint32_t> largest_dropped(std::span<const float> values, const Bits& kept, std::int64_t count);
// The same among all of them.
std::vector<std::uint32_t> largest_of(std::span<const float> values, std::int64_t count);
// The `count` smallest |values| among those it has (equal ones: the higher index), as places in the kept ones' order; ascending.
std::vector<std::uint32_t> smallest_kept(std::span<const float> values, const Bits& kept, std::int64_t count);

// The positions of a tensor's dropped weights that the coordinator's seed draws for a growth upload; ascending.
std::vector<std::uint32_t> growth_candidates(const Mask& mask, ParamId tensor, std::int64_t count, Seed seed);

}  // namespace coppice
