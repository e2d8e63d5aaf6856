#include "models/state_file.h"

#include <gtest/gtest.h>

#include "models/built_in.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

ModelState state_of(const ModelConfig& config) { return initial_state(*make_model(config), Seed{7, 0, 0}); }

std::string written(const ModelState& state, const TemporaryFolder& folder) {
  std::vector<TensorBytes> file;
  put_state(state, file);
  const std::string path = folder.path(state_file_name(state.digest()));
  write_safetensors(path, file);
  return path;
}

TEST(StateFile, WhatIsMappedIsWhatWasWritten) {
  const TemporaryFolder folder;
  const DecoderConfig decoder{.vocab = 64, .dim = 32, .head_dim = 16, .kv_heads = {2}, .queries_per_kv = {1}, .ffn = {64}};
  const ModelState state = state_of(decoder);
  const auto mapped = mapped_state(state, written(state, folder));
  ASSERT_NE(mapped, nullptr);
  EXPECT_TRUE(mapped->base.in_file());
  EXPECT_FALSE(is_movable(mapped->base));
  EXPECT_EQ(mapped->digest(), state.digest());
}

TEST(StateFile, TensorsThatLieOtherwiseStayWhereTheyAre) {
  const TemporaryFolder folder;
  const ModelState state = state_of(MlpConfig{.inputs = 3, .hidden = {5}, .outputs = 2});  // padded in an arena, not in a file
  EXPECT_EQ(mapped_state(state, written(state, folder)), nullptr);
}

TEST(StateFile, SmallModelsStayInMemory) { EXPECT_FALSE(is_movable(state_of(MlpConfig{.inputs = 3, .hidden = {5}, .outputs = 2}).base)); }

}  // namespace
}  // namespace coppice
