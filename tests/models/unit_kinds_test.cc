// What is left of a decoder without some layers, query heads or KV groups, against transformers (tests/golden/decoders/make_unit_goldens.py).
#include "models/unit_kinds.h"

#include <functional>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "models/hf_decoder.h"
#include "models/model_folder.h"
#include "models/transform.h"
#include "tests/core/temporary_folder.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

const std::string kFolder = COPPICE_GOLDEN_DIR "/decoders/llama_units";
constexpr int kQueryHeads[] = {0, 2, 3, 4, 7, 8};  // kept, of nine

at::Tensor logits_of(const ModelState& state, const at::Tensor& ids_BT) {
  Tap tap;
  return make_model(state.config)->forward({Tokens{ids_BT}, {}}, state.weights(), tap, Mode::kEval);
}

// Masked and sliced, the model without the units that `goes` names agrees with the golden logits, and is a plain Llama with those
// numbers in its config.
void expect_cut(const char* kind, const std::function<bool(const Family&, const Group&)>& goes, const std::string& golden_name,
                const nlohmann::json& numbers) {
  const SafetensorsFile golden = read_safetensors(kFolder + "/golden.safetensors");
  const at::Tensor ids = tensor_of(*golden.find("ids")), expected = tensor_of(*golden.find(golden_name));
  ModelState state = read_model_folder(kFolder);
  state.config = with_units(state.config, std::vector<std::string>{kind});
  const auto model = make_model(state.config);
  const PrunableStructure structure = model->structure();
  std::vector<std::uint8_t> kept;
  for (const Group& group : structure.groups) {
    const Family& family = structure.families[static_cast<std::size_t>(group.family)];
    kept.push_back(family.kind == kind && goes(family, group) ? 0 : 1);
  }
  const Mask mask = Mask::of_groups(model->base_layout(), structure, kept);
  const ModelState compact = slice(state, *model, mask);
  expect_close(logits_of(compact, ids), expected, 1e-5, golden_name + ", sliced");
  mask.apply_to(state.base);
  expect_close(logits_of(state, ids), expected, 1e-5, golden_name + ", masked");

  const TemporaryFolder out;
  write_model_folder(out.path("small"), compact, "{}");
  const auto config = nlohmann::json::parse(read_text_file(out.path("small/config.json"), 1 << 20));
  EXPECT_EQ(config["model_type"], "llama");
  EXPECT_EQ(config["head_dim"], 4);
  for (const auto& [key, value] : numbers.items()) EXPECT_EQ(config[key], value) << key;
  EXPECT_EQ(read_model_folder(out.path("small")).digest(), compact.digest());
}

TEST(UnitKinds, WithoutTwoLayers) {
  expect_cut("layer", [](const Family&, const Group& group) { return group.block == 2 || group.block == 3; }, "logits/layers",
             {{"num_hidden_layers", 2}, {"num_attention_heads", 9}});
}

TEST(UnitKinds, WithTwoQueryHeadsInEveryKvGroup) {
  const auto goes = [](const Family& family, const Group& group) {
    const int head = 3 * (family.name[family.name.find("kv_group.") + 9] - '0') + group.unit;
    return std::find(std::begin(kQueryHeads), std::end(kQueryHeads), head) == std::end(kQueryHeads);
  };
  expect_cut("query_head", goes, "logits/query_heads", {{"num_attention_heads", 6}, {"num_key_value_heads", 3}});
}

TEST(UnitKinds, WithoutAKvGroupAndItsOwnQueryHeads) {
  expect_cut("kv_group", [](const Family&, const Group& group) { return group.unit == 1; }, "logits/kv_groups",
             {{"num_attention_heads", 6}, {"num_key_value_heads", 2}});
}

TEST(UnitKinds, WhatNamesNothingIsWhatTheArchitectureDeclares) {
  const ModelConfig layers = with_units(DecoderConfig{}, std::vector<std::string>{"layer"});
  EXPECT_NE(layers, ModelConfig(DecoderConfig{}));
  EXPECT_EQ(with_units(layers, {}), ModelConfig(DecoderConfig{}));
  EXPECT_EQ(unit_kinds(CnnConfig{}), (std::vector<std::string>{"channel", "neuron"}));
  EXPECT_EQ(with_units(CnnConfig{}, std::vector<std::string>{"neuron"}), ModelConfig(CnnConfig{}));
}

TEST(UnitKinds, RefusesWhatIsNotThere) {
  DecoderConfig alone;
  alone.queries_per_kv = {1, 1};
  const std::vector<std::tuple<ModelConfig, std::vector<std::string>, std::string>> refusals = {
      {DecoderConfig{}, {"layers"}, "did you mean 'layer'?); expected one of: kv_group, query_head, neuron, layer"},
      {DecoderConfig{}, {"layer", "neuron"}, "expected layer alone"},
      {DecoderConfig{}, {"kv_group", "query_head"}, "expected one of the two"},
      {alone, {"query_head"}, "a single query head, expected kv_group"},
      {Resnet8Config{}, {"layer"}, "expected one of: channel"}};
  for (const auto& [config, kinds, word] : refusals) {
    try {
      with_units(config, kinds);
      ADD_FAILURE() << kinds.front() << " was accepted";
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  }
}

TEST(UnitKinds, ALlamaWhoseHeadsDoNotDivideItsWidthHasNoClassInTransformers) {
  DecoderConfig config;
  config.dim = 64;
  config.kv_heads = {1, 1};
  config.queries_per_kv = {3, 3};
  EXPECT_FALSE(is_plain(config));
  config.queries_per_kv = {4, 4};
  EXPECT_TRUE(is_plain(config));
}

}  // namespace
}  // namespace coppice
