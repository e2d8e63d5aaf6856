// What a plan costs a client that carries it out: the FLOPs of its passes, and the bytes that are alive while it works. Clients charge
// themselves by it as they work, the ledger keeps it, `coppice check` foresees by it; nothing else knows these formulas.
//
// FLOPs are what the arithmetic needs under the mask (two for a multiply-add of a kept weight), whatever the kernels at hand do with
// zeros; of one position, that is of a sample or of one token of a text. With m(M) the multiply-adds under mask M:
//
//   forward 2 m(M)      backward 2 m(M) to the inputs + 2 m(M) to the kept weights
//   a gradient to dropped weights of a tensor (growth, shadow weights): 2 * its dense multiply-adds
//
// as FedTiny (Huang et al. 2023, section V) and RigL (Evci et al. 2020, appendix H) count. Norms, activations and the optimizer's step
// are left out.
#pragma once

#include <cstdint>
#include <map>

#include "algorithms/exchange/plan.h"
#include "models/batch.h"
#include "models/model.h"

namespace coppice {

// Masks may be null: nothing dropped.
class PassFlops {
 public:
  explicit PassFlops(const Model& model);

  double forward(const Mask* mask) const;
  double backward(const Mask* mask) const { return 2.0 * forward(mask); }
  double to_inputs(const Mask* mask) const { return forward(mask); }  // the part of the backward pass that any other part needs
  double to_weights(ParamId tensor) const;                            // dense; 0 of a tensor that is no matrix
  double to_dropped(const Mask* mask) const { return dense_ - forward(mask); }  // of all tensors

 private:
  std::map<ParamId, double> of_weight_;
  std::map<ParamId, double> dense_of_;
  double dense_ = 0.0;
};

// Of one position that a client trains on, by its plan: shadows, adapters, a teacher, activations computed twice, and inputs of which a part
// counts for the weights' gradients included. `pass` is of the plan's model.
double training_flops(const RoundPlan& plan, const TrainTask& task, const PassFlops& pass);

// B, or B * T for tokens.
std::int64_t positions_of(const Batch& batch);

// Whether a client that trains has kept values alone in memory: under an element mask that stays for the round and drops half of the weights
// or more, where nothing else of the plan looks at dense weights. Norms of all gradients, and so clipping, need those of dropped weights,
// too.
bool holds_kept_alone(const RoundPlan& plan, const TrainTask& task);

// Bytes alive at a client while it carries a plan out, activations aside (simulations/pass_memory.h measures those). The mask counts as one
// bit a weight of the tensors it touches; the payload is the report as the wire carries it. A client that trains a part of the model
// (submodel_plan) has no more than that, without a mask.
struct ClientBytes {
  std::uint64_t parameters = 0;  // as received and as trained, with what they are rounded to for a pass, and the mask
  std::uint64_t gradients = 0;
  std::uint64_t moments = 0;     // of the optimizer
  std::uint64_t growth = 0;      // entries that an adjustment of the mask sends, or all that it squares
  std::uint64_t payload = 0;
  std::uint64_t scratch = 0;     // beside the sum, as activations are: the largest matrix and its gradient, dense while they are worked with

  std::uint64_t sum() const { return parameters + gradients + moments + growth + payload; }
};
ClientBytes client_bytes(const RoundPlan& plan, const Model& model, std::uint64_t payload);

// Bytes up of a report, from the sizes of its blocks; what adjusts a mask, or is one, is left out.
std::uint64_t expected_report_bytes(const RoundPlan& plan, const Model& model);

// Buffers as large as the weights that an optimizer keeps.
std::uint64_t moments_of(const OptimizerConfig& config);
// Bytes of the copy of float32 weights that a pass of this precision takes.
std::uint64_t copy_for(Precision precision, std::uint64_t float_bytes);

}  // namespace coppice
