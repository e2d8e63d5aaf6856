#include "models/decoder.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

DecoderConfig small() {
  DecoderConfig config;
  config.vocab = 11;
  config.dim = 8;
  config.head_dim = 4;
  config.kv_heads = {2, 1};
  config.queries_per_kv = {2, 2};
  config.ffn = {7, 5};
  return config;
}

TEST(Decoder, MatchesPlainPyTorch) { expect_golden("llama", small()); }

TEST(Decoder, AKvGroupTakesItsOwnQueryHeads) {
  const PrunableStructure structure = make_decoder(small())->structure();
  EXPECT_EQ(structure.families[0].name, "layers.0.kv_group");
  const std::vector<Slice>& slices = structure.groups[1].slices;  // the second KV head of layer 0: query heads 2 and 3
  ASSERT_EQ(slices.size(), 4U);
  EXPECT_EQ(slices[0].begin, 2 * 4);
  EXPECT_EQ(slices[0].end, 4 * 4);
  EXPECT_EQ(slices[1].begin, 4);
  EXPECT_EQ(slices[1].end, 8);
  EXPECT_EQ(slices[3].dim, 1);
  EXPECT_EQ(slices[3].begin, 2 * 4);
}

TEST(Decoder, ALaterTokenChangesNothingBefore) {
  const std::unique_ptr<Model> model = make_decoder(small());
  const ModelState state = initial_state(*model, Seed{3});
  Tap tap;
  at::Tensor ids = at::empty({1, 5}, at::TensorOptions().dtype(at::kLong)).fill_(4);
  const at::Tensor before = model->forward({Tokens{ids}, {}}, state.weights(), tap, Mode::kEval);
  ids = ids.clone();
  ids.select(1, 4).fill_(9);
  const at::Tensor after = model->forward({Tokens{ids}, {}}, state.weights(), tap, Mode::kEval);
  EXPECT_TRUE(before.narrow(1, 0, 4).equal(after.narrow(1, 0, 4)));
  EXPECT_FALSE(before.select(1, 4).equal(after.select(1, 4)));
}

TEST(Decoder, RefusesOddHeadsUnevenLayersAndForeignTokens) {
  DecoderConfig config = small();
  config.head_dim = 3;
  EXPECT_THROW(make_decoder(config), InputError);
  config = small();
  config.ffn = {7};
  EXPECT_THROW(make_decoder(config), InputError);
  const std::unique_ptr<Model> model = make_decoder(small());
  const ModelState state = initial_state(*model, Seed{3});
  Tap tap;
  const at::Tensor ids = at::empty({1, 5}, at::TensorOptions().dtype(at::kLong)).fill_(11);
  EXPECT_THROW(model->forward({Tokens{ids}, {}}, state.weights(), tap, Mode::kEval), InputError);
  EXPECT_THROW(model->forward({Features{at::empty({1, 5}).zero_()}, {}}, state.weights(), tap, Mode::kEval), InputError);
}

}  // namespace
}  // namespace coppice
