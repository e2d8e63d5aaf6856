#include "algorithms/budget/reachability.h"

#include <algorithm>

#include "core/seed.h"
#include "models/graph/graph_model.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

Mask mask_of(const Model& model, std::map<ParamId, Bits> elements) {
  return Mask::of_elements(model.base_layout(), model.structure(), std::move(elements));
}

Bits bits_at(std::int64_t size, const std::vector<std::int64_t>& set) {
  Bits bits(size, false);
  for (const std::int64_t i : set) bits.set(i, true);
  return bits;
}

TEST(Reachability, WholeModelsAreAlive) {
  for (const Subject& subject : subjects()) {
    const Reachability reach =
        reachability_of(*subject.model, Mask(subject.model->base_layout(), subject.model->structure()));
    EXPECT_TRUE(reach.alive()) << subject.name << ": " << reach.describe();
    EXPECT_GT(reach.outputs, 1);
  }
}

TEST(Reachability, OneUnitOfEachFamilyIsAlive) {
  for (const Subject& subject : subjects()) {
    const PrunableStructure structure = subject.model->structure();
    std::vector<std::uint8_t> kept(structure.groups.size(), 0);
    for (const Family& family : structure.families) kept[static_cast<std::size_t>(family.first_group)] = 1;
    const Reachability reach =
        reachability_of(*subject.model, Mask::of_groups(subject.model->base_layout(), structure, kept));
    EXPECT_TRUE(reach.alive()) << subject.name << ": " << reach.describe();
  }
}

// A network that masks padding (token 0) answers a text of nothing else with nothing.
TEST(Reachability, IsNotJudgedOnPadding) {
  const auto model = make_model(read_graph_file(COPPICE_GOLDENS "/../graphs/pooled.pt2").config);
  const Reachability reach = reachability_of(*model, Mask(model->base_layout(), model->structure()));
  EXPECT_TRUE(reach.alive()) << reach.describe();
}

// 60 layers of 200 units with one path of single weights: products of kept fractions fall below 1e-130.
TEST(Reachability, DepthDoesNotUnderflow) {
  MlpConfig config{.inputs = 200, .hidden = std::vector<std::int64_t>(60, 200), .outputs = 1};
  const auto model = make_model(config);
  std::map<ParamId, Bits> elements;
  for (const PatternMatrix& matrix : model->structure().matrices) {
    elements.emplace(matrix.tensor, bits_at(matrix.rows_O * matrix.cols_I, {0}));
  }
  EXPECT_TRUE(reachability_of(*model, mask_of(*model, elements)).alive());
  // Layer 30 now reads a unit that nothing writes.
  elements.at(60) = bits_at(200 * 200, {1});
  const Reachability reach = reachability_of(*model, mask_of(*model, elements));
  EXPECT_FALSE(reach.alive());
  EXPECT_EQ(reach.dead_tensor, "layers.30.weight");
  EXPECT_EQ(reach.dead_outputs, 1);
  EXPECT_EQ(reach.describe(), "tensor 'layers.30.weight' passes nothing on, 1 of 1 outputs cannot be reached");
}

// Against a search over the graph of single weights.
TEST(Reachability, AgreesWithASearch) {
  const auto model = make_model(MlpConfig{.inputs = 6, .hidden = {7, 5, 6}, .outputs = 8});
  Stream stream({.run = 9}, Purpose::kTest);
  int partly_dead = 0;
  for (int trial = 0; trial < 200; ++trial) {
    std::map<ParamId, Bits> elements;
    std::vector<bool> reached(6, true);
    for (const PatternMatrix& matrix : model->structure().matrices) {
      Bits bits(matrix.rows_O * matrix.cols_I, false);
      std::vector<bool> next(static_cast<std::size_t>(matrix.rows_O), false);
      for (std::int64_t i = 0; i < bits.size(); ++i) {
        if (stream.uniform() >= 0.25) continue;
        bits.set(i, true);
        if (reached[static_cast<std::size_t>(i % matrix.cols_I)])
          next[static_cast<std::size_t>(i / matrix.cols_I)] = true;
      }
      reached = next;
      elements.emplace(matrix.tensor, std::move(bits));
    }
    const Reachability reach = reachability_of(*model, mask_of(*model, elements));
    const auto dead = std::count(reached.begin(), reached.end(), false);
    EXPECT_EQ(reach.dead_outputs, dead);
    EXPECT_EQ(reach.dead_tensor.empty(), dead == 0);
    partly_dead += dead > 0 && dead < 8;
  }
  EXPECT_GT(partly_dead, 20);
}

TEST(Reachability, ShortcutsCarryOn) {
  const Subject subject = small_resnet20();
  const ArenaLayout& layout = *subject.model->base_layout();
  const int inner = layout.find("layer2.1.conv1.weight"), stem = layout.find("conv1.weight");
  // A block whose first convolution is cut passes its input on; the report names what is empty all the same.
  Reachability reach =
      reachability_of(*subject.model, mask_of(*subject.model, {{inner, Bits(layout[inner].numel, false)}}));
  EXPECT_EQ(reach.dead_outputs, 0);
  EXPECT_EQ(reach.empty_tensors, std::vector<std::string>{"layer2.1.conv1.weight"});
  EXPECT_FALSE(reach.alive());
  reach = reachability_of(*subject.model, mask_of(*subject.model, {{stem, Bits(layout[stem].numel, false)}}));
  EXPECT_EQ(reach.dead_tensor, "conv1.weight");
  EXPECT_EQ(reach.dead_outputs, reach.outputs);
}

TEST(Reachability, SingleOutputsAreCounted) {
  const Subject subject = small_cnn();
  const int head = subject.model->base_layout()->find("linear2.weight");
  Bits bits(3 * 12, true);
  bits.clear(12, 24);
  const Reachability reach = reachability_of(*subject.model, mask_of(*subject.model, {{head, bits}}));
  EXPECT_EQ(reach.dead_outputs, 1);
  EXPECT_EQ(reach.dead_tensor, "linear2.weight");
}

}  // namespace
}  // namespace coppice::test
