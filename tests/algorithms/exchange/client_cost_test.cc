// FLOPs of a client against what a pass shows, and its bytes against a sum by hand.
#include "algorithms/exchange/client_cost.h"

#include <ATen/core/grad_mode.h>

#include <gtest/gtest.h>

#include "tests/models/every_architecture.h"

namespace coppice::test {
namespace {

// Keeps every third weight of each matrix.
Mask sparse_mask(const Model& model) {
  std::map<ParamId, Bits> elements;
  for (const PatternMatrix& matrix : model.structure().matrices) {
    Bits bits(matrix.rows_O * matrix.cols_I, false);
    for (std::int64_t i = 0; i < bits.size(); i += 3) bits.set(i, true);
    elements.emplace(matrix.tensor, std::move(bits));
  }
  return Mask::of_elements(model.base_layout(), model.structure(), std::move(elements));
}

// Two for each kept weight and each place that it is used at.
class CountingTap final : public Tap {
 public:
  explicit CountingTap(const Mask& mask) : mask_(mask) {}

  at::Tensor linear(ParamId weight, const at::Tensor& x_I, const at::Tensor& w_OI, const at::Tensor& bias_O) override {
    add(weight, x_I.numel() / x_I.size(-1), w_OI);
    return Tap::linear(weight, x_I, w_OI, bias_O);
  }
  at::Tensor conv(ParamId weight, const at::Tensor& x_BCHW, const at::Tensor& w_OIKK, const at::Tensor& bias_O, ConvGeometry geometry) override {
    const at::Tensor y = Tap::conv(weight, x_BCHW, w_OIKK, bias_O, geometry);
    add(weight, y.size(0) * y.size(2) * y.size(3), w_OIKK);
    return y;
  }

  double flops = 0.0;
  std::map<ParamId, double> dense;

 private:
  void add(ParamId weight, std::int64_t places, const at::Tensor& w) {
    const std::int64_t kept = mask_.keeps_all(weight) ? w.numel() : mask_.bits(weight).count();
    flops += 2.0 * static_cast<double>(places * kept);
    dense[weight] += 2.0 * static_cast<double>(places * w.numel());
  }

  const Mask& mask_;
};

TEST(ClientCost, FlopsAreThoseThatAPassShows) {
  for (const ModelConfig& config : every_architecture()) {
    if (std::holds_alternative<DecoderConfig>(config) || std::holds_alternative<GraphConfig>(config)) continue;  // have products without weights
    SCOPED_TRACE(name_of(config));
    const auto model = make_model(config);
    const ModelState state = initial_state(*model, Seed{1, 0, 0});
    const Mask mask = sparse_mask(*model);
    CountingTap tap(mask);
    const at::NoGradGuard no_grad;
    constexpr std::int64_t kSamples = 2;
    const Batch batch = made_up_batch(ports_of(config), kSamples, 0.0F);
    model->forward(batch, state.weights(), tap, Mode::kEval);
    const PassFlops pass(*model);
    EXPECT_DOUBLE_EQ(pass.forward(&mask), tap.flops / kSamples);
    EXPECT_DOUBLE_EQ(pass.backward(&mask), 2.0 * pass.forward(&mask));
    EXPECT_GT(pass.to_dropped(&mask), pass.forward(&mask));
    for (const auto& [weight, flops] : tap.dense) EXPECT_DOUBLE_EQ(pass.to_weights(weight), flops / kSamples);
    EXPECT_DOUBLE_EQ(pass.forward(nullptr), pass.forward(&mask) + pass.to_dropped(&mask));
  }
}

MlpConfig small_mlp() {
  MlpConfig config;
  config.inputs = 16;
  config.hidden = {32};
  config.outputs = 16;
  return config;
}

RoundPlan plan_of(const ModelConfig& config) {
  RoundPlan plan;
  plan.values = std::make_shared<const ModelState>(initial_state(*make_model(config), Seed{1, 0, 0}));
  return plan;
}

// 16 x 32 + 32 + 32 x 16 + 16 weights, a multiple of the arena's alignment: 1072 floats.
constexpr std::uint64_t kWeights = 4 * 1072;

TEST(ClientCost, BytesOfTrainingAreWeightsGradientsMomentsAndPayload) {
  RoundPlan plan = plan_of(small_mlp());
  plan.tasks = {TrainTask{.optimizer = SgdConfig{.momentum = 0.9}}};
  const auto model = make_model(plan.values->config);
  const ClientBytes dense = client_bytes(plan, *model, 4000);
  EXPECT_EQ(dense.parameters, 2 * kWeights);  // as received and as trained
  EXPECT_EQ(dense.gradients, kWeights);
  EXPECT_EQ(dense.moments, kWeights);
  EXPECT_EQ(dense.growth, 0U);
  EXPECT_EQ(dense.sum(), 4 * kWeights + 4000);
  std::get<TrainTask>(plan.tasks[0]).optimizer = AdamConfig{};
  std::get<TrainTask>(plan.tasks[0]).precision = Precision::kBF16;
  const ClientBytes low = client_bytes(plan, *model, 0);
  EXPECT_EQ(low.parameters, 2 * kWeights + kWeights / 2);
  EXPECT_EQ(low.gradients, kWeights / 2);
  EXPECT_EQ(low.moments, 2 * kWeights);
}

TEST(ClientCost, KeptValuesAloneTakeATenthAtOnePerCent) {
  MlpConfig config = small_mlp();
  config.hidden = {1600};
  RoundPlan plan = plan_of(config);
  const auto model = make_model(config);
  TrainTask task{.optimizer = SgdConfig{.momentum = 0.9}};
  plan.tasks = {task};
  const double dense = static_cast<double>(client_bytes(plan, *model, 4 * 51200).sum());
  std::map<ParamId, Bits> elements;
  for (const PatternMatrix& matrix : model->structure().matrices) {
    Bits bits(matrix.rows_O * matrix.cols_I, false);
    for (std::int64_t i = 0; i < bits.size(); i += 100) bits.set(i, true);
    elements.emplace(matrix.tensor, std::move(bits));
  }
  plan.mask = std::make_shared<const Mask>(Mask::of_elements(model->base_layout(), model->structure(), std::move(elements)));
  ASSERT_TRUE(holds_kept_alone(plan, task));
  const std::uint64_t kept = static_cast<std::uint64_t>(plan.mask->kept()) * 4;
  const ClientBytes sparse = client_bytes(plan, *model, 4 * 512);
  EXPECT_EQ(sparse.parameters, 2 * kept + 51200 / 8);  // and a bit a weight says which they are
  EXPECT_EQ(sparse.gradients, kept);
  EXPECT_EQ(sparse.moments, kept);
  EXPECT_EQ(sparse.scratch, 2U * 4 * 16 * 1600);
  EXPECT_LT(static_cast<double>(sparse.sum()), 0.1 * dense);
  task.clip_norm = 1.0;  // the norm is of all gradients
  EXPECT_FALSE(holds_kept_alone(plan, task));
}

TEST(ClientCost, AnAdjustmentKeepsTheEntriesItSendsOrEveryWeightItSquares) {
  RoundPlan plan = plan_of(small_mlp());
  const auto model = make_model(plan.values->config);
  plan.tasks = {GrowthTask{.tensors = {0, 2}, .counts = {5, 7}, .drops = {3, 0}}};
  EXPECT_EQ(client_bytes(plan, *model, 0).growth, 8U * (5 + 7 + 3));
  plan.tasks = {GrowthTask{.what = GrowthTask::What::kSquares, .tensors = {0}}};
  EXPECT_EQ(client_bytes(plan, *model, 0).growth, 4U * 16 * 32);
}

TEST(ClientCost, TrainingIsThreePassesAndWhatElseAPlanAsksFor) {
  RoundPlan plan = plan_of(small_mlp());
  const auto model = make_model(plan.values->config);
  const PassFlops pass(*model);
  TrainTask task;
  constexpr double kForward = 2.0 * (16 * 32 + 32 * 16);
  EXPECT_DOUBLE_EQ(training_flops(plan, task, pass), 3.0 * kForward);
  task.recompute = true;
  EXPECT_DOUBLE_EQ(training_flops(plan, task, pass), 4.0 * kForward);
  task.recompute = false;
  const auto mask = std::make_shared<const Mask>(sparse_mask(*model));
  plan.mask = mask;
  constexpr double kSparse = 2.0 * (171 + 171);  // every third of 512
  EXPECT_DOUBLE_EQ(training_flops(plan, task, pass), 3.0 * kSparse);
  plan.shadows = true;
  EXPECT_DOUBLE_EQ(training_flops(plan, task, pass), 3.0 * kSparse + (kForward - kSparse));
}

}  // namespace
}  // namespace coppice::test
