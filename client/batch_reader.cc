#include "client/batch_reader.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "core/draw_block.h"
#include "core/error.h"

namespace coppice {

LossKind loss_of(const ExampleSpec& spec) {
  switch (spec.target) {
    case ExampleSpec::Target::kClass:
    case ExampleSpec::Target::kNextToken: return LossKind::kCrossEntropy;
    case ExampleSpec::Target::kMultiLabel: return LossKind::kBinary;
    case ExampleSpec::Target::kRegression: return LossKind::kSquaredError;
    case ExampleSpec::Target::kWords: return LossKind::kWordCosts;
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
    case ExampleSpec::Target::kWords:
      batch.targets = std::get<BagOfWords>(batch.inputs).counts_BV;
      break;
  }
}

void add_noise(std::int64_t latents, Seed seed, std::int64_t epoch, std::span<const std::int64_t> indices, Batch& batch) {
  if (latents == 0) return;
  auto* bags = std::get_if<BagOfWords>(&batch.inputs);
  if (bags == nullptr) throw Error("noise of latents is for bags of words");
  constexpr std::int64_t kDraws = 4;  // of a block
  const std::int64_t blocks = (latents + kDraws - 1) / kDraws;
  bags->noise_BK = at::empty({static_cast<std::int64_t>(indices.size()), latents}, at::kFloat);
  auto* noise = bags->noise_BK.mutable_data_ptr<float>();
  for (const std::int64_t example : indices) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      const std::int64_t block = example * blocks + b;
      if (block >> 32 != 0) throw Error("more examples and latents than 2^32 blocks of noise");
      const auto draws = normal_block(seed, Purpose::kNoise, static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(block));
      const std::int64_t count = std::min(kDraws, latents - b * kDraws);
      noise = std::transform(draws.begin(), draws.begin() + count, noise, [](double draw) { return static_cast<float>(draw); });
    }
  }
}

void augment_batch(const Augmenter& augmenter, Seed seed, std::int64_t epoch, std::span<const std::int64_t> indices, Batch& batch) {
  if (augmenter.empty()) return;
  // Logical NCHW lies in memory as it was read, NHWC.
  augmenter.apply(seed, epoch, indices, std::get<Images>(batch.inputs).x_BCHW.mutable_data_ptr<float>());
}

}  // namespace coppice
