#include "models/graph/graph_model.h"

#include <algorithm>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "models/config_json.h"
#include "models/graph/program_json.h"
#include "models/transform.h"
#include "tests/models/every_architecture.h"
#include "tests/models/golden_pass.h"

namespace coppice {
namespace {

Batch batch_of(const at::Tensor& x, const at::Tensor& y) {
  if (x.scalar_type() == at::kLong) return {Tokens{x}, y};
  return x.dim() == 4 ? Batch{Images{x}, y} : Batch{Features{x}, y};
}

class Graph : public testing::TestWithParam<std::string> {
 protected:
  GoldenFile golden_{"../graphs/" + GetParam()};
  ModelState state_ = read_graph_file(graph_file(GetParam()));
  std::unique_ptr<Model> model_ = make_model(state_.config);
  PrunableStructure structure_ = model_->structure();
  Batch batch_ = batch_of(golden_["x"], golden_["y"]);

  at::Tensor logits_of(const Model& model, const ModelState& state) {
    Tap tap;
    return model.forward(batch_, state.weights(), tap, Mode::kEval);
  }
};

TEST_P(Graph, ComputesWhatEagerPyTorchDoes) {
  for (const Mode mode : {Mode::kEval, Mode::kTrain}) {
    ModelState state = state_.clone();
    std::vector<at::Tensor> params;
    for (const at::Tensor& view : state.base.views()) params.push_back(view.detach().requires_grad_());
    Tap tap;
    const at::Tensor logits = model_->forward(batch_, {params, state.moments.views()}, tap, mode);
    const at::Tensor loss =
        loss_sum(LossKind::kCrossEntropy, logits, batch_.targets).div(count_of(LossKind::kCrossEntropy, batch_.targets));
    loss.backward();
    const std::string prefix = mode == Mode::kTrain ? "train." : "eval.";
    expect_close(logits, golden_[prefix + "logits"], 1e-5, prefix + "logits");
    for (int i = 0; i < state.base.layout().size(); ++i) {
      const ArenaEntry& entry = state.base.layout()[i];
      const at::Tensor golden = golden_[prefix + "grad." + entry.name];
      ASSERT_EQ(golden.sizes(), at::IntArrayRef(entry.shape)) << entry.name;
      ASSERT_TRUE(params[i].grad().defined()) << entry.name;
      // A gradient that is zero but for rounding (a bias before a norm, of keys before a softmax) has no digits to compare; sums of
      // terms that cancel differ between instruction sets (AVX2: 1.1e-4).
      const double scale = std::max(golden.abs().max().item<double>(), 1e-4);
      EXPECT_LE(params[i].grad().sub(golden).abs().max().item<double>() / scale, 5e-4) << prefix << entry.name;
    }
    for (int i = 0; i < state.moments.layout().size() && mode == Mode::kTrain; ++i) {
      expect_close(state.moments.view(i), golden_["after." + state.moments.layout()[i].name], 1e-5, state.moments.layout()[i].name);
    }
  }
}

// What a graph makes by itself (masks, positions, first states of a recurrent layer) is float32 then, and meets bfloat16 weights.
TEST_P(Graph, ComputesNearlyThatInBfloat16) {
  const at::Tensor expected = golden_["eval.logits"];
  for (const Mode mode : {Mode::kEval, Mode::kTrain}) {
    const ModelState state = state_.clone();
    std::vector<at::Tensor> params;
    for (const at::Tensor& view : state.base.views()) params.push_back(view.to(at::kBFloat16).detach().requires_grad_());
    Tap tap;
    const at::Tensor logits = model_->forward(batch_, {params, state.moments.views()}, tap, mode);
    loss_sum(LossKind::kCrossEntropy, logits, batch_.targets).backward();
    for (const at::Tensor& param : params) EXPECT_EQ(param.grad().scalar_type(), at::kBFloat16);
    if (mode == Mode::kTrain) continue;  // norms over four samples magnify what rounding does
    EXPECT_LE(logits.to(at::kFloat).sub(expected).norm().item<double>(), 0.05 * expected.norm().item<double>());
  }
}

TEST_P(Graph, EveryGroupMaskedIsThatGroupSliced) {
  std::mt19937 random(3);
  const ModelState state = random_state(*model_, random);
  for (std::size_t g = 0; g < structure_.groups.size(); ++g) {
    const Family& family = structure_.families[static_cast<std::size_t>(structure_.groups[g].family)];
    if (family.num_groups < 2) continue;
    std::vector<std::uint8_t> kept(structure_.groups.size(), 1);
    kept[g] = 0;
    const Mask mask = Mask::of_groups(model_->base_layout(), structure_, kept);
    const ModelState compact = slice(state, *model_, mask), masked = state.clone();
    mask.apply_to(masked.base);
    EXPECT_LT(compact.base.layout().numel(), state.base.layout().numel());
    expect_close(logits_of(*make_model(compact.config), compact), logits_of(*model_, masked), 1e-5,
                 family.name + " " + std::to_string(structure_.groups[g].unit));
  }
}

TEST_P(Graph, ItsConfigIsTheWholeTruth) {
  const std::string text = model_config_to_json(state_.config);
  const ModelConfig back = model_config_from_json(text, "config");
  EXPECT_EQ(back, state_.config);
  EXPECT_EQ(model_config_to_json(back), text);
  EXPECT_EQ(text.find(graph_file(GetParam())), std::string::npos);
  expect_close(logits_of(*make_model(back), state_), golden_["eval.logits"], 1e-5, "logits");
}

INSTANTIATE_TEST_SUITE_P(Golden, Graph, testing::ValuesIn(kGraphs), [](const auto& instance) { return instance.param; });
INSTANTIATE_TEST_SUITE_P(Masked, Graph, testing::Values("pooled"), [](const auto& instance) { return instance.param; });

// Twenty steps of SGD from the same weights; tensors have the same names on both sides.
TEST(ImportedResnet20, TrainsAsTheBuiltInOneDoes) {
  const GoldenFile golden("../graphs/resnet20");
  const ModelState imported = read_graph_file(graph_file("resnet20"));
  Resnet20Config config;
  config.input = {12, 12, 3};
  config.outputs = 5;
  config.residual = {4, 8, 12};
  config.inner = {3, 4, 5, 6, 7, 8, 9, 10, 11};
  const std::unique_ptr<Model> models[] = {make_model(imported.config), make_model(config)};
  ModelState states[] = {imported.clone(), initial_state(*models[1], Seed{})};
  for (int arena = 0; arena < 2; ++arena) {
    const Arena& from = arena == 0 ? imported.base : imported.moments;
    const Arena& to = arena == 0 ? states[1].base : states[1].moments;
    ASSERT_EQ(from.layout().size(), to.layout().size());
    for (int i = 0; i < from.layout().size(); ++i) to.view(to.layout().find(from.layout()[i].name)).copy_(from.view(i));
  }
  const Batch batch = batch_of(golden["x"], golden["y"]);
  for (int step = 0; step < 20; ++step) {
    at::Tensor losses[2];
    for (int m = 0; m < 2; ++m) {
      std::vector<at::Tensor> params;
      for (const at::Tensor& view : states[m].base.views()) params.push_back(view.detach().requires_grad_());
      Tap tap;
      losses[m] = loss_sum(LossKind::kCrossEntropy, models[m]->forward(batch, {params, states[m].moments.views()}, tap, Mode::kTrain), batch.targets);
      losses[m].backward();
      for (std::size_t i = 0; i < params.size(); ++i) states[m].base.view(static_cast<int>(i)).sub_(params[i].grad(), 0.01);
    }
    expect_close(losses[0].detach(), losses[1].detach(), 1e-6, "loss of step " + std::to_string(step));
  }
  for (int i = 0; i < imported.base.layout().size(); ++i) {
    const std::string& name = imported.base.layout()[i].name;
    expect_close(states[0].base.view(i), states[1].base.view(states[1].base.layout().find(name)), 1e-6, name);
  }
}

struct Expected {
  std::string graph;
  std::vector<std::string> families;  // "name kind units"
  std::vector<std::string> barriers;
};

TEST(GraphStructure, IsWhatTheNetworksAre) {
  const std::vector<Expected> all = {
      {"residual",
       {"stem.0 channel 4", "blocks.0.conv1.0 channel 3", "blocks.1.conv1.0 channel 5", "blocks.1.conv2.0 channel 4",
        "blocks.2.conv1.0 channel 6"},
       {}},
      {"concat", {"a channel 4", "b channel 3", "c channel 4", "flat neuron 7"}, {}},
      {"patches", {"qkv head 3", "up neuron 10"}, {}},
      {"bert",
       {"encoder.encoder.layer.0.attention.self.query head 3", "encoder.encoder.layer.0.intermediate.dense neuron 14",
        "encoder.encoder.layer.1.attention.self.query head 3", "encoder.encoder.layer.1.intermediate.dense neuron 14"},
       {}},
      {"gpt2",
       {"transformer.h.0.attn.c_attn head 3", "transformer.h.0.mlp.c_fc neuron 48", "transformer.h.1.attn.c_attn head 3",
        "transformer.h.1.mlp.c_fc neuron 48"},
       {}},
      {"llama",
       {"model.layers.0.self_attn.q_proj head 2", "model.layers.0.mlp.gate_proj neuron 10",
        "model.layers.1.self_attn.q_proj head 2", "model.layers.1.mlp.gate_proj neuron 10"},
       {}},
      {"recurrent", {"inner neuron 6"}, {"getitem (aten.lstm.input)"}},
  };
  for (const auto& [graph, families, barriers] : all) {
    const PrunableStructure structure = make_model(graph_config(graph))->structure();
    std::vector<std::string> found;
    for (const Family& family : structure.families)
      found.push_back(family.name + " " + family.kind + " " + std::to_string(family.num_groups));
    EXPECT_EQ(found, families) << graph;
    EXPECT_EQ(structure.barriers, barriers) << graph;
  }
}

// tests/golden/graphs/make_torch_pruning_groups.py
TEST(GraphStructure, CouplesWhatTorchPruningDoes) {
  const auto golden = nlohmann::json::parse(std::ifstream(COPPICE_GOLDEN_DIR "/graphs/torch_pruning_groups.json"));
  std::size_t compared = 0;
  for (const auto& [graph, groups] : golden.items()) {
    const std::unique_ptr<Model> model = make_model(graph_config(graph));
    const ArenaLayout& base = *model->base_layout();
    std::map<std::string, std::map<std::int64_t, std::size_t>> group_of;  // by "<parameter> <dim>" and index
    std::vector<std::map<std::string, std::vector<std::int64_t>>> ours;
    for (const Group& group : model->structure().groups) {
      auto& places = ours.emplace_back();
      for (const Slice& slice : group.slices) {
        if (slice.arena != ArenaId::kBase) continue;
        const std::string key = base[slice.tensor].name + " " + std::to_string(slice.dim);
        for (std::int64_t i = slice.begin; i < slice.end; ++i) {
          places[key].push_back(i);
          group_of[key][i] = ours.size() - 1;
        }
      }
    }
    for (const auto& theirs : groups) {
      const std::string& key = theirs.begin().key();
      const nlohmann::json& indices = theirs.begin().value();
      const auto mine = group_of[key].find(indices.at(0).get<std::int64_t>());
      ASSERT_NE(mine, group_of[key].end()) << graph << ": " << key;
      EXPECT_EQ(nlohmann::json(ours[mine->second]), theirs) << graph;
      ++compared;
    }
  }
  EXPECT_GT(compared, 50U);
}

}  // namespace
}  // namespace coppice
