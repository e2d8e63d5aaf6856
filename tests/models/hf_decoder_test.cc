// Decoders that transformers wrote (tests/golden/decoders): read, run, and written so that it reads them again.
#include "models/hf_decoder.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "models/model.h"
#include "models/model_folder.h"
#include "models/transform.h"
#include "tests/core/temporary_folder.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

std::string golden_folder(const std::string& name) { return COPPICE_GOLDEN_DIR "/decoders/" + name; }

Json config_of(const std::string& folder) { return Json::parse(read_text_file(folder + "/config.json", 1 << 20)); }

class EveryFamily : public testing::TestWithParam<const char*> {
 protected:
  std::string folder() const { return golden_folder(GetParam()); }
  static at::Tensor logits_of(const ModelState& state, const at::Tensor& ids_BT) {
    Tap tap;
    return make_model(state.config)->forward({Tokens{ids_BT}, {}}, state.weights(), tap, Mode::kEval);
  }
};

TEST_P(EveryFamily, LogitsAreThoseOfTransformers) {
  const SafetensorsFile golden = read_safetensors(folder() + "/golden.safetensors");
  const ModelState state = read_model_folder(folder());
  expect_close(logits_of(state, tensor_of(*golden.find("ids"))), tensor_of(*golden.find("logits")), 1e-5, GetParam());
}

TEST_P(EveryFamily, CostCountsItsParameters) {
  const ModelState state = read_model_folder(folder());
  const auto model = make_model(state.config);
  std::int64_t params = 0;
  for (const ArenaEntry& entry : state.base.layout().entries()) params += entry.numel;
  EXPECT_EQ(model->cost(model->structure().full_widths()).params, params);
}

TEST_P(EveryFamily, IsWrittenAsItWasRead) {
  const TemporaryFolder out;
  const ModelState state = read_model_folder(folder());
  write_model_folder(out.path("again"), state, "{}");
  const Json theirs = config_of(folder());
  Json ours = config_of(out.path("again"));
  EXPECT_EQ(decoder_from_hf(ours, "ours"), std::get<DecoderConfig>(state.config));
  for (const char* key : {"model_type", "architectures", "vocab_size", "tie_word_embeddings"}) EXPECT_EQ(ours[key], theirs[key]) << key;
  const ModelState again = read_model_folder(out.path("again"));
  EXPECT_EQ(again.config, state.config);
  EXPECT_EQ(again.base.digest(), state.base.digest());

  // The very tensors of transformers, read without knowledge of ours.
  ours.erase("coppice");
  write_file_atomically(out.path("again/config.json"), ours.dump());
  EXPECT_EQ(read_model_folder(out.path("again")).base.digest(), state.base.digest());
  if (!std::filesystem::exists(folder() + "/model.safetensors")) return;
  const SafetensorsFile before = read_safetensors(folder() + "/model.safetensors");
  const SafetensorsFile after = read_safetensors(out.path("again/model.safetensors"));
  ASSERT_EQ(after.tensors.size(), before.tensors.size());
  for (const Block& block : before.tensors) {
    const Block* found = after.find(block.name);
    ASSERT_NE(found, nullptr) << block.name;
    EXPECT_EQ(found->shape, block.shape) << block.name;
    EXPECT_EQ(found->values, block.values) << block.name;
  }
}

TEST_P(EveryFamily, WithUnlikeLayersIsOurOwn) {
  const TemporaryFolder out;
  const ModelState state = read_model_folder(folder());
  const auto model = make_model(state.config);
  const PrunableStructure structure = model->structure();
  std::vector<std::uint8_t> kept(structure.groups.size(), 1);
  kept[static_cast<std::size_t>(structure.families[0].first_group)] = 0;  // a head with its queries, in one layer
  kept[static_cast<std::size_t>(structure.families[3].first_group + 2)] = 0;
  const ModelState narrow = slice(state, *model, Mask::of_groups(model->base_layout(), structure, kept));
  EXPECT_FALSE(is_plain(std::get<DecoderConfig>(narrow.config)));
  write_model_folder(out.path("narrow"), narrow, "{}");
  EXPECT_EQ(config_of(out.path("narrow"))["model_type"], "coppice-decoder");
  const ModelState again = read_model_folder(out.path("narrow"));
  EXPECT_EQ(again.base.digest(), narrow.base.digest());
  const at::Tensor ids = tensor_of(*read_safetensors(folder() + "/golden.safetensors").find("ids"));
  EXPECT_TRUE(logits_of(again, ids).equal(logits_of(narrow, ids)));
}

INSTANTIATE_TEST_SUITE_P(Decoders, EveryFamily,
                         testing::Values("llama", "llama_biased", "llama_parts", "mistral", "qwen2", "qwen3", "gpt2", "opt"),
                         [](const auto& info) { return std::string(info.param); });

TEST(HfDecoder, ShortNamesOfOlderFilesAreKnown) {
  const TemporaryFolder out;
  const ModelState state = read_model_folder(golden_folder("gpt2"));
  SafetensorsFile file = read_safetensors(golden_folder("gpt2") + "/model.safetensors");
  for (Block& block : file.tensors) block.name = block.name.substr(std::string("transformer.").size());
  Block mask;
  mask.name = "h.0.attn.bias";
  mask.shape = {1};
  mask.values.resize(4);
  file.tensors.push_back(mask);
  std::filesystem::create_directories(out.path("old"));
  write_safetensors(out.path("old/model.safetensors"), file);
  std::filesystem::copy_file(golden_folder("gpt2") + "/config.json", out.path("old/config.json"));
  EXPECT_EQ(read_model_folder(out.path("old")).base.digest(), state.base.digest());
}

struct Refusal {
  const char* folder;
  const char* key;
  Json value;
  const char* word;
};

TEST(HfDecoder, RefusesWhatItCannotExpress) {
  const std::vector<Refusal> refusals = {
      {"llama", "model_type", "lama", "did you mean 'llama'"},
      {"llama", "hidden_size", "16", "hidden_size: found \"16\"; expected an integer"},
      {"llama", "hidden_act", "mish", "gelu_new"},
      {"llama", "num_key_value_heads", 3, "a divisor of num_attention_heads (4)"},
      {"llama", "num_hidden_layers", 1000000, "4096"},
      {"llama", "rope_parameters", Json{{"rope_type", "llama3"}, {"rope_theta", 5e5}}, "unscaled"},
      {"llama", "rope_scaling", Json{{"type", "linear"}, {"factor", 2.0}}, "unscaled"},
      {"llama", "vocab_size", nullptr, "'vocab_size' is missing"},
      {"qwen2", "use_sliding_window", true, "max_window_layers"},
      {"gpt2", "scale_attn_weights", false, "scale_attn_weights"},
      {"opt", "do_layer_norm_before", false, "norms before the sum"},
      {"opt", "word_embed_proj_dim", 8, "hidden_size (16)"}};
  for (const Refusal& refusal : refusals) {
    Json config = config_of(golden_folder(refusal.folder));
    config[refusal.key] = refusal.value;
    if (std::string(refusal.key) == "use_sliding_window") config["sliding_window"] = 4;
    try {
      decoder_from_hf(config, "config.json");
      ADD_FAILURE() << refusal.folder << " with " << refusal.key << " was accepted";
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(refusal.word), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("config.json"), std::string::npos) << error.what();
    }
  }
}

TEST(HfDecoder, AnIndexNamesFilesOfItsFolderOnly) {
  const TemporaryFolder out;
  std::filesystem::copy(golden_folder("llama_parts"), out.path("parts"));
  const std::string index = out.path("parts/model.safetensors.index.json");
  const Json good = Json::parse(read_text_file(index, 1 << 20));
  const auto refused = [&](const Json& json, const std::string& word) {
    write_file_atomically(index, json.dump());
    try {
      read_model_folder(out.path("parts"));
      ADD_FAILURE() << "accepted: " << json.dump();
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  };
  Json bad = good;
  bad["weight_map"].begin().value() = "../model-00001-of-00003.safetensors";
  refused(bad, "expected a file of this folder");
  bad = good;
  bad.erase("weight_map");
  refused(bad, "weight_map");
  bad = good;
  for (auto& [tensor, file] : bad["weight_map"].items()) file = "model-00001-of-00003.safetensors";
  refused(bad, "is missing");
}

}  // namespace
}  // namespace coppice
