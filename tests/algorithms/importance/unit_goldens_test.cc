// Scores of layers, query heads and KV groups against transformers and autograd (tests/golden/decoders/make_unit_goldens.py).
#include <cmath>
#include <cstring>
#include <numeric>

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "models/model_folder.h"
#include "models/safetensors.h"
#include "models/support.h"
#include "models/unit_kinds.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

const std::string kFolder = COPPICE_GOLDENS "/../decoders/llama_units";

at::Tensor golden(const std::string& name) {
  static const SafetensorsFile file = read_safetensors(kFolder + "/golden.safetensors");
  const Block& block = *file.find(name);
  at::Tensor tensor = at::empty(block.shape, at::TensorOptions().dtype(scalar_type_of(block.dtype)));
  std::memcpy(tensor.mutable_data_ptr(), block.values.data(), block.values.size());
  return tensor;
}

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).flatten().contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

Subject subject_with(const std::string& kind) {
  ModelState state = read_model_folder(kFolder);
  state.config = with_units(state.config, std::vector<std::string>{kind});
  return {kind, make_model(state.config), std::move(state)};
}

Batch sample(std::int64_t first, std::int64_t count) {
  return {Tokens{golden("ids").narrow(0, first, count)}, golden("targets").narrow(0, first, count)};
}

// The scores of the units of one kind, in order.
std::vector<double> of_kind(const Subject& subject, const std::vector<double>& scores) {
  const PrunableStructure structure = subject.model->structure();
  std::vector<double> found;
  for (std::size_t g = 0; g < scores.size(); ++g) {
    if (structure.families[static_cast<std::size_t>(structure.groups[g].family)].kind == subject.name) found.push_back(scores[g]);
  }
  return found;
}

TEST(UnitGoldens, TaylorScoresAUnitByWhatGoesWithIt) {
  for (const std::string kind : {"kv_group", "query_head", "layer"}) {
    const Subject subject = subject_with(kind);
    const ScoreRequest request;
    const UnitScores scores = unit_scores(TaylorConfig{}, subject, request, run_pass(TaylorConfig{}, subject, request, {sample(0, 2)}));
    for (const auto& [name, found] : {std::pair("coarse/", &scores.coarse), std::pair("fine/", &scores.fine)}) {
      std::vector<double> expected = values_of(golden(name + kind));
      for (double& value : expected) value /= 2.0;  // samples
      expect_near(of_kind(subject, *found), expected, 1e-5, name + kind);
    }
  }
}

TEST(UnitGoldens, BlockInfluenceOfLayers) {
  const Subject subject = subject_with("layer");
  for (const bool confidence : {false, true}) {
    const ScoreRequest request{.confidence = confidence};
    // Two clients of one sample each say what one client of two says.
    Sums sums = run_pass(BlockInfluenceConfig{}, subject, request, {sample(0, 1)});
    add_to(sums, run_pass(BlockInfluenceConfig{}, subject, request, {sample(1, 1)}));
    const UnitScores scores = unit_scores(BlockInfluenceConfig{}, subject, request, sums);
    expect_near(scores.fine, values_of(golden("block_influence")), 1e-5, "block influence");
    EXPECT_EQ(scores.coarse, scores.fine);
    EXPECT_EQ(scores.weight, 2.0);
    EXPECT_EQ(scores.fine_client_variance.size(), confidence ? 4U : 0U);
  }
}

TEST(UnitGoldens, BlockInfluenceIsForWholeLayersAlone) {
  const Subject neurons = subject_with("neuron");
  EXPECT_THROW(make_estimator(BlockInfluenceConfig{}, *neurons.model, {}), InputError);
  EXPECT_THROW(score_blocks(BlockInfluenceConfig{}, *subject_with("layer").model, {.target = ScoreTarget::kElements}), InputError);
  try {
    score_blocks(BlockInfluenceConfig{}, *neurons.model, {});
    ADD_FAILURE() << "accepted";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("expected units [layer]"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace coppice::test
