#include "models/packed/packed_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "models/model_folder.h"
#include "tests/core/temporary_folder.h"
#include "tests/models/every_architecture.h"

namespace coppice {
namespace {

const std::string kGolden = std::string(COPPICE_GOLDEN_DIR) + "/packed/";

Mask random_mask(const Model& model, double density, std::mt19937& random) {
  std::bernoulli_distribution keep(density);
  std::map<ParamId, Bits> elements;
  const PrunableStructure structure = model.structure();
  for (const PatternMatrix& matrix : structure.matrices) {
    Bits bits((*model.base_layout())[matrix.tensor].numel, true);
    for (std::int64_t i = 0; i < bits.size(); ++i) bits.set(i, keep(random));
    elements.emplace(matrix.tensor, std::move(bits));
  }
  return Mask::of_elements(model.base_layout(), structure, std::move(elements));
}

class EveryPackedModel : public testing::TestWithParam<ModelConfig> {};

TEST_P(EveryPackedModel, ComputesAsTheMaskedOneDoes) {
  const at::NoGradGuard no_grad;
  const TemporaryFolder folder;
  std::mt19937 random(5);
  const auto model = make_model(GetParam());
  for (const double density : {0.0, 0.05, 0.5, 1.0}) {
    const ModelState state = random_state(*model, random);
    const Mask mask = random_mask(*model, density, random);
    mask.apply_to(state.base);
    const std::string path = folder.path("model.packed");
    write_packed_model(path, state, mask);
    const ModelState again = read_packed_model(path);
    EXPECT_EQ(again.digest(), state.digest()) << density;
    const Batch batch = random_batch(GetParam(), 4, random);
    Tap tap;
    EXPECT_TRUE(at::equal(make_model(again.config)->forward(batch, again.weights(), tap, Mode::kEval),
                          model->forward(batch, state.weights(), tap, Mode::kEval)));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EveryPackedModel, testing::ValuesIn(every_architecture()),
                         [](const auto& test) { return name_of(test.param); });

TEST(PackedModel, StaysWithinAFifthOfTheEntropyBound) {
  std::mt19937 random(6);
  Resnet8Config config;  // at its usual widths, 77,658 parameters
  const auto model = make_model(ModelConfig{config});
  const ModelState state = random_state(*model, random);
  for (const double density : {0.02, 0.05, 0.1, 0.5}) {
    const PackedFile file = pack(state, random_mask(*model, density, random));
    const auto bytes = static_cast<double>(encode_packed(file).size());
    EXPECT_LE(bytes, 1.2 * least_bytes(file)) << density;
    EXPECT_GE(bytes, least_bytes(file)) << density;
  }
}

TEST(PackedModel, ReadsWhatAnotherProgramPackedAndWritesTheSame) {
  const PackedFile file = read_packed_file(kGolden + "mlp.packed");
  const ModelState state = read_packed_model(kGolden + "mlp.packed");
  EXPECT_EQ(state.digest(), state_from_safetensors(state.config, read_safetensors(kGolden + "mlp.safetensors"), "golden").digest());
  const SafetensorsFile golden = read_safetensors(kGolden + "mlp.packed");
  const SafetensorsFile ours = parse_safetensors("ours", encode_packed(file));
  for (const char* name : {"values", "index", "positions"}) EXPECT_EQ(ours.find(name)->values, golden.find(name)->values) << name;
}

std::string refusal(PackedFile file) {
  const TemporaryFolder folder;
  write_packed(folder.path("model.packed"), file);
  try {
    read_packed_model(folder.path("model.packed"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(PackedModel, RefusesWhatIsNotTheModelThatItNames) {
  const PackedFile good = read_packed_file(kGolden + "mlp.packed");
  EXPECT_EQ(refusal(good), "");
  const auto expect = [&](const char* words, const std::function<void(PackedFile&)>& change) {
    PackedFile file = good;
    change(file);
    EXPECT_NE(refusal(file).find(words), std::string::npos) << words << ": " << refusal(file);
  };
  expect("layers.9", [](PackedFile& f) { f.tensors[0].name = "layers.9"; });
  expect("found no tensor", [](PackedFile& f) { f.tensors.pop_back(); });
  expect("does not belong", [](PackedFile& f) { f.tensors.push_back({.name = "more", .shape = {1}, .values = {1.0F}}); });
  expect("not finite", [](PackedFile& f) { f.tensors[1].values[0] = NAN; });
  expect("past the end", [](PackedFile& f) { f.tensors[0].positions->back() = 1 << 30; });
  expect("that no tensor takes", [](PackedFile& f) { f.tensors[1].shape = {1}; });
  expect("expected an architecture", [](PackedFile& f) { f.config = R"({"kind":"folder","path":"x"})"; });
}

TEST(PackedModel, RefusesAFileThatIsNone) {
  EXPECT_THROW(read_packed_model(kGolden + "mlp.safetensors"), InputError);
  EXPECT_THROW(read_packed_model(kGolden + "nothing"), InputError);
}

}  // namespace
}  // namespace coppice
