// A client's answer to a growth task: what it keeps of gradients while a backward pass goes by, one tensor after the other.
//
// Private top-k and votes: the entries alone, from a bounded heap over the gradient at hand. Candidates: their sums. Squares: a value a
// weight, which is what they are criticised for.
#pragma once

#include <map>
#include <vector>

#include "algorithms/exchange/release.h"
#include "algorithms/exchange/report.h"

namespace coppice {

class GrowthAnswer {
 public:
  // `mask` may be null where the task asks for squares.
  GrowthAnswer(const GrowthTask& task, const Mask* mask, Seed seed);

  bool needs_gradient() const { return needs_gradient_; }
  // A tensor's gradient of the loss summed over a batch of `samples`.
  void take(ParamId tensor, const at::Tensor& gradient, std::int64_t samples);
  // `base`: the weights that were looked at; `seen`: samples of all batches.
  void release(const ReleaseContext& context, const Arena& base, std::int64_t seen, Report& report);

 private:
  struct Entries {
    std::int64_t count = 0;
    std::vector<std::uint32_t> positions;
    std::vector<float> values;  // sums over batches
    std::int64_t batches = 0;
  };

  const Bits& kept(ParamId tensor) const;

  const GrowthTask& task_;
  const Mask* mask_;
  bool needs_gradient_ = false;
  std::map<ParamId, Entries> entries_;
};

}  // namespace coppice
