#include "models/config_json.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/every_architecture.h"

namespace coppice {
namespace {

std::string message_of(const std::string& text) {
  try {
    model_config_from_json(text, "config.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(ConfigJson, RoundTripOfEveryArchitecture) {
  for (const ModelConfig& config : every_architecture()) {
    const std::string text = model_config_to_json(config);
    EXPECT_EQ(model_config_from_json(text, "x"), config) << text;
    EXPECT_EQ(model_config_to_json(model_config_from_json(text, "x")), text);
  }
  const std::unique_ptr<Model> resnet20 = make_model(Resnet20Config());
  const ModelConfig sliced =
      resnet20->sliced_config(std::vector<std::uint8_t>(resnet20->structure().groups.size(), 1));
  EXPECT_EQ(model_config_from_json(model_config_to_json(sliced), "x"), sliced);
}

TEST(ConfigJson, TextIsStable) {
  MlpConfig mlp;
  mlp.inputs = 3;
  mlp.hidden = {4, 5};
  mlp.outputs = 2;
  EXPECT_EQ(model_config_to_json(mlp), R"({"kind":"mlp","inputs":3,"hidden":[4,5],"outputs":2})");
}

TEST(ConfigJson, OrderOfKeysDoesNotMatter) {
  const ModelConfig config = model_config_from_json(R"({"outputs":2,"hidden":[4],"kind":"mlp","inputs":3})", "x");
  EXPECT_EQ(std::get<MlpConfig>(config).hidden, std::vector<std::int64_t>{4});
}

TEST(ConfigJson, RefusalsNameTheKey) {
  const std::string good = R"({"kind":"mlp","inputs":3,"hidden":[4,5],"outputs":2})";
  ASSERT_EQ(message_of(good), "");
  const std::pair<const char*, const char*> cases[] = {
      {R"({"kind":"mlp","inputs":3,"hidden":[4,5]})", "outputs"},
      {R"({"kind":"mlp","inputs":3,"hidden":[4,5],"outputs":2,"ouputs":2})", "ouputs"},
      {R"({"kind":"mlq","inputs":3,"hidden":[4,5],"outputs":2})", "mlp"},
      {R"({"inputs":3,"hidden":[4,5],"outputs":2})", "kind"},
      {R"({"kind":"mlp","inputs":"3","hidden":[4,5],"outputs":2})", "inputs"},
      {R"({"kind":"mlp","inputs":3.5,"hidden":[4,5],"outputs":2})", "inputs"},
      {R"({"kind":"mlp","inputs":0,"hidden":[4,5],"outputs":2})", "inputs"},
      {R"({"kind":"mlp","inputs":9999999999999999999999,"hidden":[4,5],"outputs":2})", "inputs"},
      {R"({"kind":"mlp","inputs":3,"hidden":4,"outputs":2})", "hidden"},
      {R"({"kind":"mlp","inputs":3,"hidden":[4,null],"outputs":2})", "hidden"},
      {R"({"kind":"mlp","inputs":3,"inputs":3,"hidden":[4],"outputs":2})", "'inputs' stands twice"},
      {R"([])", "expected an object"},
      {R"("mlp")", "expected an object"},
      {R"({"kind":"mlp",)", "not valid JSON"},
      {"", "not valid JSON"},
      {R"({"kind":"mlp","inputs":3,"hidden":[4,5],"outputs":1e999})", "out of range"},
  };
  for (const auto& [text, part] : cases) {
    const std::string message = message_of(text);
    EXPECT_NE(message.find(part), std::string::npos) << text << "\n  gave: " << message;
    EXPECT_NE(message.find("config.json"), std::string::npos) << message;
  }
  const std::string deep = R"({"kind":)" + std::string(100000, '[');
  EXPECT_NE(message_of(deep).find("nested deeper"), std::string::npos);
}

}  // namespace
}  // namespace coppice
