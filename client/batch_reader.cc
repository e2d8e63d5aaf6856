#include "client/batch_reader.h"

#include <ATen/ops/empty.h>

namespace coppice {

LossKind loss_of(const ExampleSpec& spec) {
  switch (spec.target) {
    case ExampleSpec::Target::kClass:
    case ExampleSpec::Target::kNextToken: return LossKind::kCrossEntropy;
    case ExampleSpec::Target::kMultiLabel: return LossKind::kBinary;
    case ExampleSpec::Target::kRegression: return LossKind::kSquaredError;
  }
  return LossKind::kCrossEntropy;
}

void read_batch(const Dataset& dataset, std::span<const std::int64_t> indices, Batch& batch) {
  const ExampleSpec& spec = dataset.spec();
  const auto count = static_cast<std::int64_t>(indices.size());
  switch (spec.kind) {
    case ExampleSpec::Kind::kImage: {
      const at::Tensor x_BHWC = at::empty({count, spec.shape[0], spec.shape[1], spec.shape[2]}, at::kFloat);
      dataset.read_inputs(indices, x_BHWC.mutable_data_ptr<float>());
      batch.inputs = Images{x_BHWC.permute({0, 3, 1, 2})};
      break;
    }
    case ExampleSpec::Kind::kFeatures: {
      const at::Tensor x_BF = at::empty({count, spec.shape[0]}, at::kFloat);
      dataset.read_inputs(indices, x_BF.mutable_data_ptr<float>());
      batch.inputs = Features{x_BF};
      break;
    }
    case ExampleSpec::Kind::kBagOfWords: {
      const at::Tensor counts_BV = at::empty({count, spec.shape[0]}, at::kFloat);
      dataset.read_inputs(indices, counts_BV.mutable_data_ptr<float>());
      batch.inputs = BagOfWords{counts_BV};
      break;
    }
    case ExampleSpec::Kind::kTokens: {
      const at::Tensor ids_BT = at::empty({count, spec.shape[0]}, at::kLong);
      dataset.read_tokens(indices, ids_BT.mutable_data_ptr<std::int64_t>());
      batch.inputs = Tokens{ids_BT};
      break;
    }
  }
  switch (spec.target) {
    case ExampleSpec::Target::kClass:
      batch.targets = at::empty({count}, at::kLong);
      dataset.read_classes(indices, batch.targets.mutable_data_ptr<std::int64_t>());
      break;
    case ExampleSpec::Target::kNextToken:
      batch.targets = at::empty({count, spec.shape[0]}, at::kLong);
      dataset.read_next_tokens(indices, batch.targets.mutable_data_ptr<std::int64_t>());
      break;
    case ExampleSpec::Target::kMultiLabel:
    case ExampleSpec::Target::kRegression:
      batch.targets = at::empty({count, spec.num_targets}, at::kFloat);
      dataset.read_targets(indices, batch.targets.mutable_data_ptr<float>());
      break;
  }
}

void augment_batch(const Augmenter& augmenter, Seed seed, std::int64_t epoch, std::span<const std::int64_t> indices, Batch& batch) {
  if (augmenter.empty()) return;
  // Logical NCHW lies in memory as it was read, NHWC.
  augmenter.apply(seed, epoch, indices, std::get<Images>(batch.inputs).x_BCHW.mutable_data_ptr<float>());
}

}  // namespace coppice
