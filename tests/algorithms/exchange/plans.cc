#include "tests/algorithms/exchange/plans.h"

#include "tests/algorithms/training/goldens.h"

namespace coppice::test {

RoundPlan rich_plan(const Subject& subject, std::uint32_t salt) {
  RoundPlan plan;
  plan.run_id = 0xFEDCBA9876543210U;
  plan.id = 77;
  plan.stage = "fine: \"tune\" #1";
  plan.round = 9;
  plan.seed = Seed{.run = 0xFFFFFFFFFFFFFFFFU, .round = 4000000000U};
  plan.cohort = {0, 3, 17};
  plan.values = std::make_shared<const ModelState>(subject.state.clone());
  plan.mask = std::make_shared<const Mask>(element_mask(*subject.model, salt));
  plan.mask->apply_to(plan.values->base);
  auto moments = std::make_shared<Arena>(subject.state.moments.clone());
  fill_from_hash(*moments, salt + 1);
  plan.variants = {{"a", std::make_shared<const Mask>(element_mask(*subject.model, salt + 2, 0.3)), moments},
                   {"b", nullptr, nullptr},
                   {"c", plan.mask, nullptr}};
  TrainTask train{.optimizer = AdamWConfig{.lr = 0.1 + 1e-17, .weight_decay = 1.0 / 3.0}, .lr_scale = 2.0 / 3.0};
  train.precision = Precision::kBF16;
  train.release.wire = Release::Wire::kI8;
  train.release.clip = 1e-3;
  EstimateTask estimate{
      .importance = SnipConfig{}, .target = ScoreTarget::kElements, .at = At::kTrained, .precision = Precision::kBF16, .release = {}};
  estimate.release.transform = VoteFusion{.fraction = 0.25};
  GrowthTask growth{.tensors = {0}, .counts = {2}, .batches = 3};
  growth.release.select = Release::Select::kCandidates;
  plan.tasks = {train, estimate, MeasureTask{.split = Split::kSelect, .details = true, .precision = Precision::kBF16}, CollectTask{.batches = 5},
                CollectTask{.statistic = CollectTask::Statistic::kInputProducts, .tensors = {0}, .last_block = 1}, growth};
  plan.loss = LossKind::kSquaredError;
  const std::vector<double> scores = hash_values(5, salt);
  const auto bytes = std::as_bytes(std::span(scores));
  Block& reference = plan.references[kAgreementReference];
  reference.name = kAgreementReference;
  reference.dtype = DType::kF64;
  reference.shape = {5};
  reference.values.assign(bytes.begin(), bytes.end());
  plan.exponents = {{"train/weight", 30}, {"measure/a/loss", -7}};
  plan.store_versions = {{3, 0xFFFFFFFFFFFFFFFFU}, {17, 0}};
  plan.probe = true;
  plan.individual_reports = true;
  return plan;
}

}  // namespace coppice::test
