// Batch-norm statistics of a train-mode pass as additive sums: what recalibration after a cut pools over batches and clients.
//
// Each batch's mean and variance come from the normalisation itself, so observing costs nothing beyond the forward pass.
#pragma once

#include <cstdint>
#include <vector>

#include "models/tap.h"

namespace coppice {

class BatchNormMoments : public Tap {
 public:
  struct Sums {
    std::vector<double> sum_C;     // of x over batch and space
    std::vector<double> square_C;  // of x^2
    double count = 0.0;            // values a channel
  };

  at::Tensor batch_norm(NormId norm, const at::Tensor& x_BCHW, const NormParams& params, Mode mode) override;

  // Indexed by NormId; norms that the model has not met yet are empty.
  const std::vector<Sums>& sums() const { return sums_; }

 private:
  std::vector<Sums> sums_;
};

}  // namespace coppice
