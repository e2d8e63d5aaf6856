#include "algorithms/training/precision.h"

namespace coppice {

Batch in_precision(const Batch& batch, Precision precision) {
  if (precision == Precision::kF32) return batch;
  Batch low = batch;
  if (auto* images = std::get_if<Images>(&low.inputs)) images->x_BCHW = images->x_BCHW.to(at::kBFloat16);
  if (auto* features = std::get_if<Features>(&low.inputs)) features->x_BF = features->x_BF.to(at::kBFloat16);
  if (auto* bags = std::get_if<BagOfWords>(&low.inputs)) bags->counts_BV = bags->counts_BV.to(at::kBFloat16);
  return low;
}

}  // namespace coppice
