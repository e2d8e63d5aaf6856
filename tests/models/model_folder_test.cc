#include "models/model_folder.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "tests/core/temporary_folder.h"
#include "tests/models/every_architecture.h"

namespace coppice {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string message_of(const std::string& folder) {
  try {
    read_model_folder(folder);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

class FolderOf : public testing::TestWithParam<ModelConfig> {
 protected:
  std::mt19937 random_{5};
  TemporaryFolder temporary_;
  std::string folder_ = temporary_.path("nested/model");
  ModelState state_ = random_state(*make_model(GetParam()), random_);
  std::ptrdiff_t files_ = std::holds_alternative<GraphConfig>(GetParam()) ? 4 : 3;  // with model.py
};

TEST_P(FolderOf, RoundTripsBitForBit) {
  write_model_folder(folder_, state_, "{\"run\": 1}\n");
  const ModelState back = read_model_folder(folder_);
  EXPECT_EQ(back.config, GetParam());
  EXPECT_EQ(back.digest(), state_.digest());
  EXPECT_EQ(read_text(folder_ + "/coppice.json"), "{\"run\": 1}\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), files_);
  write_model_folder(folder_, state_, "{}");
  EXPECT_EQ(read_model_folder(folder_).digest(), state_.digest());
  EXPECT_EQ(make_model(ModelFolderConfig{folder_})->config(), GetParam());
}

TEST_P(FolderOf, CompanionsGoAlong) {
  write_model_folder(folder_, state_, "{}");
  const std::string source = temporary_.path("source");
  std::filesystem::create_directories(source);
  copy_companions(source, folder_);  // nothing there: nothing to take
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), files_);
  write_file_atomically(source + "/tokenizer.json", "{\"model\": 1}");
  write_file_atomically(source + "/pytorch_model.bin", "not to be taken");
  write_file_atomically(source + "/config.json", R"({"model_type": "llama", "eos_token_id": [2, 7], "bos_token_id": 1})");
  copy_companions(source, folder_);
  EXPECT_EQ(read_text(folder_ + "/tokenizer.json"), "{\"model\": 1}");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/pytorch_model.bin"));
  const auto config = nlohmann::json::parse(read_text(folder_ + "/config.json"));
  EXPECT_EQ(config["eos_token_id"], (std::vector<int>{2, 7}));
  EXPECT_EQ(config["bos_token_id"], 1);
  EXPECT_FALSE(config.contains("pad_token_id"));
  EXPECT_EQ(read_model_folder(folder_).digest(), state_.digest());
}

TEST_P(FolderOf, TensorsMustBeExactlyTheModels) {
  write_model_folder(folder_, state_, "{}");
  const std::string path = folder_ + "/model.safetensors";
  const SafetensorsFile good = read_safetensors(path);
  const auto message_after = [&](auto&& change) {
    SafetensorsFile file = good;
    change(file.tensors);
    write_safetensors(path, file);
    return message_of(folder_);
  };
  EXPECT_EQ(message_after([](auto&) {}), "");
  EXPECT_NE(message_after([](auto& t) { t.erase(t.begin()); }).find("'" + good.tensors[0].name + "' is missing"),
            std::string::npos);
  EXPECT_NE(message_after([](auto& t) { t.push_back(t[0]), t.back().name = "other"; }).find("'other' does not belong"),
            std::string::npos);
  EXPECT_NE(message_after([](auto& t) { t[0].shape.insert(t[0].shape.begin(), 1); }).find("found shape [1, "),
            std::string::npos);
  EXPECT_NE(message_after([](auto& t) { t[0].dtype = DType::kI32; }).find("found dtype i32; expected f32, f16 or bf16"),
            std::string::npos);
  EXPECT_NE(message_after([](auto& t) {
              const float bad = NAN;
              std::memcpy(t[0].values.data(), &bad, 4);
            }).find("not finite"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(ModelFolder, FolderOf, testing::ValuesIn(every_architecture()),
                         [](const auto& instance) { return name_of(instance.param); });

struct SmallFolder : testing::Test {
  SmallFolder() {
    MlpConfig config;
    config.inputs = 3;
    config.hidden = {4};
    config.outputs = 2;
    std::mt19937 random(1);
    state = random_state(*make_model(config), random);
    write_model_folder(folder, state, "{}");
  }
  TemporaryFolder temporary;
  std::string folder = temporary.path("m");
  ModelState state;
};

TEST_F(SmallFolder, BadConfigsGetOneClearLine) {
  const std::string path = folder + "/config.json", good = read_text(path);
  const auto message_with = [&](const std::string& text) {
    write_text(path, text);
    return message_of(folder);
  };
  EXPECT_EQ(message_with(good), "");
  const std::pair<std::string, const char*> cases[] = {
      {replaced(good, "\"coppice\":", "\"copice\":"), "key 'coppice' is missing"},
      {replaced(good, "\"kind\": \"mlp\"", "\"kind\": \"mlpp\""), "mlp"},
      {replaced(good, "\"inputs\": 3", "\"inputs\": 4"), "'layers.0.weight': found shape [4, 3]; expected [4, 4]"},
      {replaced(good, "\"inputs\": 3", "\"inputs\": -3"), "coppice.inputs: found '-3'"},
      {replaced(good, "\"inputs\": 3", "\"inputs\": 3, \"inputs\": 3"), "stands twice"},
      {replaced(good, "\"inputs\": 3,", ""), "coppice.inputs: the key is missing"},
      {replaced(good, "\"inputs\": 3", "\"input\": 3"), "coppice.input: found an unknown key"},
      {good.substr(0, good.size() / 2), "not valid JSON"},
      {"[]", "expected an object"},
      {R"({"coppice": {"kind": "folder", "path": "."}})", "expected an architecture"},
      {R"({"coppice": 3})", "expected an object"},
      {replaced(good, "\"hidden\": [\n      4\n    ]", "\"hidden\": [1048576, 1048576, 1048576]"), "'layers.0.weight'"},
  };
  for (const auto& [text, part] : cases) {
    const std::string message = message_with(text);
    EXPECT_NE(message.find(part), std::string::npos) << text << "\n  gave: " << message;
    EXPECT_TRUE(message.starts_with(folder)) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST_F(SmallFolder, MissingFilesAreNamed) {
  std::filesystem::remove(folder + "/model.safetensors");
  EXPECT_NE(message_of(folder).find("model.safetensors"), std::string::npos);
  std::filesystem::remove(folder + "/config.json");
  EXPECT_NE(message_of(folder).find("config.json"), std::string::npos);
  EXPECT_NE(message_of(temporary.path("absent")).find("absent"), std::string::npos);
  write_text(temporary.path("file"), "x");
  EXPECT_THROW(write_model_folder(temporary.path("file/m"), state, "{}"), InputError);
}

TEST_F(SmallFolder, HalfPrecisionWeightsBecomeFloat32) {
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    SafetensorsFile file = read_safetensors(folder + "/model.safetensors");
    for (Block& block : file.tensors) {
      const std::int64_t numel = block.num_elements();
      block.dtype = dtype;
      block.values.resize(2 * static_cast<std::size_t>(numel));
      for (std::int64_t i = 0; i < numel; ++i) {
        // 1 + i / 128: exact in 8 bits of mantissa for i < 128, so in both formats.
        const auto bits = static_cast<std::uint16_t>(dtype == DType::kBF16 ? 0x3f80 + i : 0x3c00 + 8 * i);
        std::memcpy(block.values.data() + 2 * i, &bits, 2);
      }
    }
    const ModelState loaded = state_from_safetensors(state.config, file, "half");
    for (int i = 0; i < loaded.base.layout().size(); ++i) {
      for (std::size_t j = 0; j < loaded.base.floats(i).size(); ++j) {
        EXPECT_EQ(loaded.base.floats(i)[j], 1.0F + static_cast<float>(j) / 128.0F) << name_of(dtype);
      }
    }
  }
}

TEST(ModelFolder, LlamaWithEqualLayersIsAHuggingFaceLlama) {
  const TemporaryFolder folder;
  DecoderConfig config;
  config.ffn = {24, 24};
  std::mt19937 random(1);
  write_model_folder(folder.path("even"), random_state(*make_model(config), random), "{}");
  const std::string even = read_text(folder.path("even/config.json"));
  for (const char* part :
       {"\"LlamaForCausalLM\"", "\"model_type\": \"llama\"", "\"hidden_size\": 64", "\"intermediate_size\": 24",
        "\"num_hidden_layers\": 2", "\"num_attention_heads\": 4", "\"num_key_value_heads\": 2", "\"head_dim\": 16",
        "\"rope_theta\": 10000.0", "\"tie_word_embeddings\": false"}) {
    EXPECT_NE(even.find(part), std::string::npos) << part << " in\n" << even;
  }
  config.ffn = {24, 20};
  write_model_folder(folder.path("uneven"), random_state(*make_model(config), random), "{}");
  const std::string uneven = read_text(folder.path("uneven/config.json"));
  EXPECT_EQ(uneven.find("LlamaForCausalLM"), std::string::npos);
  EXPECT_NE(uneven.find("\"coppice-decoder\""), std::string::npos);
}

class PretrainedResnet20 : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("COPPICE_DATA_DIR");
    path_ = std::string(data == nullptr ? "" : data) + "/models/resnet20_cifar10.safetensors";
    if (!std::filesystem::exists(path_)) GTEST_SKIP() << "no " << path_;
  }
  std::string path_;
};

TEST_F(PretrainedResnet20, LoadsByItsOwnNames) {
  SafetensorsFile file = read_safetensors(path_);
  const ModelState state = state_from_safetensors(Resnet20Config(), file, path_);
  EXPECT_EQ(state.base.layout().numel(), 269722);  // as its authors count
  EXPECT_EQ(state.base.layout().size() + state.moments.layout().size(), static_cast<int>(file.tensors.size()));
  const int var = state.moments.layout().find("layer3.2.bn2.running_var");
  ASSERT_GE(var, 0);
  EXPECT_EQ(std::memcmp(state.moments.floats(var).data(), file.find("layer3.2.bn2.running_var")->values.data(), 64 * 4),
            0);

  Block counter;
  counter.name = "layer1.0.bn1.num_batches_tracked";
  counter.dtype = DType::kI64;
  counter.values.resize(8);
  file.tensors.push_back(counter);
  EXPECT_EQ(state_from_safetensors(Resnet20Config(), file, path_).digest(), state.digest());
  file.tensors.back().name = "conv1.num_batches_tracked";
  EXPECT_THROW(state_from_safetensors(Resnet20Config(), file, path_), InputError);
  EXPECT_THROW(state_from_safetensors(Resnet8Config(), file, path_), InputError);
}

}  // namespace
}  // namespace coppice
