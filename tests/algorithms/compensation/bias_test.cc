// Bias compensation against tests/golden/compensation/make_goldens.py, and what holds whatever the numbers.
#include "algorithms/compensation/bias.h"

#include <algorithm>
#include <set>

#include "algorithms/importance/activation_tap.h"
#include "algorithms/importance/unit_vectors.h"
#include "core/error.h"
#include "models/added_parameters.h"
#include "models/matrix_uses.h"
#include "models/model_folder.h"
#include "models/transform.h"
#include "tests/algorithms/passes.h"
#include "tests/models/golden_pass.h"

namespace coppice::test {
namespace {

InputMeans means_of(const ModelState& state, const Batch& batch) {
  const auto model = make_model(state.config);
  ActivationTap tap(UnitVectors(model->structure(), *model->base_layout(), UnitVectors::Side::kConsumers).tensors());
  model->forward(batch, state.weights(), tap, Mode::kEval);
  InputMeans means;
  for (const auto& [tensor, inputs] : tap.take()) {
    for (const double sum : inputs.sums) means[tensor].push_back(sum / inputs.positions);
  }
  return means;
}

// Drops every third unit, the first of a family always kept.
Mask thinned(const Model& model) {
  const PrunableStructure structure = model.structure();
  std::vector<std::uint8_t> kept;
  for (const Group& group : structure.groups) kept.push_back(group.unit % 3 == 1 ? 0 : 1);
  return Mask::of_groups(model.base_layout(), structure, kept);
}

TEST(BiasCompensation, CutDecoderIsThatOfTransformers) {
  const SafetensorsFile golden = read_safetensors(COPPICE_GOLDEN_DIR "/compensation/goldens.safetensors");
  const auto dense = std::make_shared<const ModelState>(read_model_folder(COPPICE_GOLDEN_DIR "/decoders/llama"));
  const std::shared_ptr<const ModelState> biased = widened(dense, with_biases(dense->config));
  const auto model = make_model(biased->config);
  const at::Tensor neurons = tensor_of(*golden.find("bias.neurons"));
  const PrunableStructure structure = model->structure();
  std::vector<std::uint8_t> kept(structure.groups.size(), 1);
  for (std::size_t g = 0; g < kept.size(); ++g) {
    const Family& family = structure.families[static_cast<std::size_t>(structure.groups[g].family)];
    const int unit = structure.groups[g].unit;
    if (family.kind == "kv_group" && unit == 1) kept[g] = 0;
    if (family.kind != "neuron") continue;
    const std::int64_t layer = family.name.find("layers.1.") == 0 ? 1 : 0;
    for (std::int64_t i = 0; i < neurons.size(1); ++i) {
      if (neurons[layer][i].item<std::int64_t>() == unit) kept[g] = 0;
    }
  }
  const Mask mask = Mask::of_groups(model->base_layout(), structure, kept);
  const InputMeans means = means_of(*biased, {Tokens{tensor_of(*golden.find("bias.calibration"))}, {}});
  const ModelState masked = bias_compensated(*biased, *model, mask, means);
  const Batch batch{Tokens{tensor_of(*golden.find("bias.ids"))}, {}};
  expect_close(logits_of(slice(masked, *model, mask), batch), tensor_of(*golden.find("bias.logits")), 1e-5, "sliced");
  expect_close(logits_of(masked, batch), tensor_of(*golden.find("bias.logits")), 1e-5, "masked");
}

TEST(BiasCompensation, ZeroBiasesChangeNothing) {
  const Subject subject = small_llama();
  const auto dense = std::make_shared<const ModelState>(subject.state.clone());
  const auto biased = widened(dense, with_biases(dense->config));
  EXPECT_NE(biased, dense);
  EXPECT_EQ(widened(biased, with_biases(biased->config)), biased);
  const Batch batch = batch_for(*subject.model, 3, 5);
  EXPECT_TRUE(logits_of(*biased, batch).equal(logits_of(*dense, batch)));
}

// Of every family that has biases: the mean of what the consumers put out over the very samples is the uncut model's, layer by layer;
// here seen at the last one, a linear layer behind hidden units.
TEST(BiasCompensation, MeanOutputOfTheLastLayerIsKept) {
  const Subject subject = small_mlp();
  const Batch batch = batch_for(*subject.model, 40, 5);
  const PrunableStructure structure = subject.model->structure();
  std::vector<std::uint8_t> kept(structure.groups.size(), 1);
  for (std::size_t g = 0; g < kept.size(); ++g) {
    if (structure.groups[g].family == 2 && structure.groups[g].unit % 2 == 1) kept[g] = 0;  // units that the last layer takes in
  }
  const Mask mask = Mask::of_groups(subject.model->base_layout(), structure, kept);
  const ModelState plain = bias_compensated(subject.state, *subject.model, mask, {});
  const ModelState moved = bias_compensated(subject.state, *subject.model, mask, means_of(subject.state, batch));
  const at::Tensor dense_O = logits_of(subject.state, batch).mean(0);
  expect_close(logits_of(moved, batch).mean(0), dense_O, 1e-5, "compensated");
  EXPECT_GT(logits_of(plain, batch).mean(0).sub(dense_O).abs().max().item<double>(), 1e-2);
}

TEST(BiasCompensation, MaskedIsSliced) {
  std::vector<Subject> subjects;
  subjects.push_back(small_mlp());
  subjects.push_back(small_cnn());
  subjects.push_back(small_llama());
  for (const Subject& subject : subjects) {
    const auto state = widened(std::make_shared<const ModelState>(subject.state.clone()), with_biases(subject.state.config));
    const auto model = make_model(state->config);
    const Batch batch = batch_for(*model, 4, 5);
    const Mask mask = thinned(*model);
    const ModelState masked = bias_compensated(*state, *model, mask, means_of(*state, batch));
    expect_close(logits_of(slice(masked, *model, mask), batch), logits_of(masked, batch), 1e-5, subject.name);
  }
}

TEST(BiasCompensation, MeansTravelAsTheyAre) {
  const Subject subject = small_cnn();
  const InputMeans means = means_of(subject.state, batch_for(*subject.model, 4, 5));
  const ArenaLayout& base = *subject.model->base_layout();
  auto references = to_references(means, base);
  EXPECT_EQ(means_in(references, base), means);
  references.begin()->second.values.resize(8);
  EXPECT_THROW(means_in(references, base), InputError);
}

TEST(BiasCompensation, MatricesWithoutBiasAreRefused) {
  const Subject subject = small_llama();
  const InputMeans means = means_of(subject.state, batch_for(*subject.model, 4, 5));
  EXPECT_THROW(bias_compensated(subject.state, *subject.model, thinned(*subject.model), means), Error);
  EXPECT_THROW(with_biases(ModelConfig{DecoderConfig{.family = DecoderConfig::Family::kQwen2}}), InputError);
}

TEST(MatrixUses, InputsBiasesAndBlocksOfADecoder) {
  const Subject subject = small_llama();
  const ArenaLayout& base = *subject.model->base_layout();
  const auto state = widened(std::make_shared<const ModelState>(subject.state.clone()), with_biases(subject.state.config));
  const auto plain = matrix_uses(*subject.model, subject.state);
  const auto biased = matrix_uses(*make_model(state->config), *state);
  ASSERT_EQ(plain.size(), 15U);
  ASSERT_EQ(biased.size(), plain.size());
  for (std::size_t i = 0; i < 14; ++i) {
    const std::string& name = base[plain[i].weight].name;
    EXPECT_EQ(plain[i].block, i < 7 ? 1 : 2) << name;
    EXPECT_EQ(plain[i].bias, -1) << name;
    const std::string expected = name.substr(0, name.size() - 6) + "bias";
    EXPECT_EQ(state->base.layout()[biased[i].bias].name, expected);
    const bool follows = name.find("k_proj") != std::string::npos || name.find("v_proj") != std::string::npos ||
                         name.find("up_proj") != std::string::npos || name.find("gate_proj") != std::string::npos;
    const std::string& input = base[plain[i].input].name;
    if (!follows) {
      EXPECT_EQ(input, name);
    }
    if (name.find("k_proj") != std::string::npos) {
      EXPECT_NE(input.find("q_proj"), std::string::npos);
    }
  }
  EXPECT_EQ(plain.back().block, 3);
  std::set<ParamId> inputs;
  for (const MatrixUse& use : plain) inputs.insert(use.input);
  EXPECT_EQ(inputs.size(), 9U);  // four a layer, and the head
}

}  // namespace
}  // namespace coppice::test
