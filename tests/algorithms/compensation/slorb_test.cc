// Boosters beside masked matrices against tests/golden/compensation/make_goldens.py, and what holds whatever the numbers.
#include "algorithms/compensation/slorb.h"

#include "core/error.h"
#include "models/added_parameters.h"
#include "models/model_folder.h"
#include "tests/algorithms/passes.h"
#include "tests/core/temporary_folder.h"
#include "tests/models/golden_pass.h"

namespace coppice::test {
namespace {

std::shared_ptr<const ModelState> with_room(const ModelState& state, std::int64_t inputs) {
  return widened(std::make_shared<const ModelState>(state.clone()), with_boosters(state.config, inputs));
}

// Weights (o, i) with (o + i) % 4 in {1, 2}: two of four.
Mask diagonals(const Model& model) {
  const ArenaLayout& base = *model.base_layout();
  const PrunableStructure structure = model.structure();
  std::map<ParamId, Bits> elements;
  for (const PatternMatrix& matrix : structure.matrices) {
    if (matrix.edge) continue;
    const std::int64_t inputs = base[matrix.tensor].shape[1];
    Bits kept(base[matrix.tensor].numel, false);
    for (std::int64_t i = 0; i < kept.size(); ++i) kept.set(i, (i / inputs + i % inputs) % 4 % 3 != 0);
    elements.emplace(matrix.tensor, std::move(kept));
  }
  return Mask::of_elements(model.base_layout(), structure, std::move(elements));
}

TEST(Slorb, BoostedDecoderIsThatOfPyTorch) {
  const SafetensorsFile golden = read_safetensors(COPPICE_GOLDEN_DIR "/compensation/goldens.safetensors");
  const auto state = with_room(read_model_folder(COPPICE_GOLDEN_DIR "/decoders/llama"), 4);
  const ModelState cut = boosted(*state, diagonals(*make_model(state->config)));
  const Batch batch{Tokens{tensor_of(*golden.find("slorb.ids"))}, {}};
  expect_close(logits_of(cut, batch), tensor_of(*golden.find("slorb.logits")), 1e-5, "logits");
}

TEST(Slorb, EmptyBoostersChangeNothingAndAreCounted) {
  const Subject subject = small_llama();
  const auto state = with_room(subject.state, 4);
  const auto model = make_model(state->config);
  const Batch batch = batch_for(*model, 3, 5);
  EXPECT_TRUE(logits_of(*state, batch).equal(logits_of(subject.state, batch)));
  EXPECT_EQ(with_boosters(state->config, 4), state->config);
  const Cost cost = model->cost({});
  EXPECT_EQ(cost.params, model->base_layout()->numel());
  std::int64_t boosters = 0;
  for (const ArenaEntry& entry : model->base_layout()->entries()) boosters += entry.name.ends_with(".booster") ? entry.numel : 0;
  EXPECT_GT(boosters, 0);
  EXPECT_EQ(cost.macs, subject.model->cost(subject.model->structure().full_widths()).macs + boosters);
  EXPECT_TRUE(model->structure().families.empty());
}

TEST(Slorb, FoldersKeepThem) {
  const Subject subject = small_llama();
  const auto state = with_room(subject.state, 4);
  const ModelState cut = boosted(*state, diagonals(*make_model(state->config)));
  const TemporaryFolder folder;
  write_model_folder(folder.path("model"), cut, "{}");
  const ModelState read = read_model_folder(folder.path("model"));
  EXPECT_EQ(read.config, cut.config);
  const Batch batch = batch_for(*make_model(cut.config), 3, 5);
  EXPECT_TRUE(logits_of(read, batch).equal(logits_of(cut, batch)));
}

TEST(Slorb, WhatDoesNotFitIsRefused) {
  const Subject llama = small_llama();
  EXPECT_THROW(with_boosters(llama.state.config, 1000), InputError);
  EXPECT_THROW(with_boosters(with_boosters(llama.state.config, 4), 2), InputError);
  EXPECT_THROW(with_boosters(small_mlp().state.config, 4), InputError);
  EXPECT_THROW(boosted(llama.state, diagonals(*llama.model)), Error);
}

}  // namespace
}  // namespace coppice::test
