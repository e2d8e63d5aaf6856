#include "algorithms/exchange/client_cost.h"

#include <algorithm>

#include "algorithms/exchange/report.h"
#include "algorithms/exchange/report_blocks.h"
#include "comm/wire/frame_layout.h"
#include "comm/wire/positions.h"

namespace coppice {
namespace {

std::uint64_t bytes_of(const ArenaLayout& layout) { return static_cast<std::uint64_t>(layout.padded_numel()) * sizeof(float); }

std::uint64_t bytes_of(const Mask& mask) {
  std::int64_t bits = 0;
  for (const auto& [tensor, kept] : mask.elements()) bits += kept.size();
  return static_cast<std::uint64_t>(bits + 7) / 8;
}

std::uint64_t largest_matrix(const Mask& mask) {
  std::int64_t largest = 0;
  for (const auto& [tensor, kept] : mask.elements()) largest = std::max(largest, kept.size());
  return static_cast<std::uint64_t>(largest);
}

// Where gradients are handed over block by block, two blocks' are alive at most (algorithms/training/block_pass.h).
std::uint64_t largest_two_blocks(const Model& model) {
  std::vector<std::uint64_t> blocks(static_cast<std::size_t>(model.num_blocks()) + 1, 0);
  const ArenaLayout& layout = *model.base_layout();
  for (int i = 0; i < layout.size(); ++i) {
    blocks[static_cast<std::size_t>(model.first_block_of(i))] += static_cast<std::uint64_t>(layout[i].numel) * sizeof(float);
  }
  std::uint64_t most = 0;
  for (std::size_t b = 0; b + 1 < blocks.size(); ++b) most = std::max(most, blocks[b] + blocks[b + 1]);
  return most;
}

// What is kept while the gradients pass by: the entries that are sent, or a value of every weight where all are squared.
std::uint64_t growth_bytes(const GrowthTask& task, const ArenaLayout& layout) {
  constexpr std::uint64_t kEntry = sizeof(float) + sizeof(std::uint32_t);
  std::uint64_t bytes = 0;
  for (const std::int64_t tensor : task.tensors) {
    if (task.what == GrowthTask::What::kDensities) bytes += sizeof(double);
    if (task.what == GrowthTask::What::kSquares) bytes += static_cast<std::uint64_t>(layout[static_cast<int>(tensor)].numel) * sizeof(float);
  }
  for (const auto* entries : {&task.counts, &task.drops}) {
    for (const std::int64_t count : *entries) bytes += static_cast<std::uint64_t>(count) * kEntry;
  }
  return bytes;
}

// What of a difference of weights travels: its values, and positions where these are the client's own.
struct Sent {
  std::int64_t values = 0;
  std::size_t position_bytes = 0;
};

Sent sent_of(const RoundPlan& plan, const TrainTask& task, const ReportBlock& block, ParamId tensor, std::int64_t numel) {
  if (const auto* zerofl = std::get_if<ZeroFlConfig>(&task.sparse)) {
    const std::int64_t sent = sent_count(*zerofl, plan.mask.get(), tensor, numel);
    return {sent, sent < numel ? position_bytes(numel, sent) : 0};
  }
  if (plan.part) return {plan.mask->keeps_all(tensor) ? numel : plan.mask->bits(tensor).count(), 0};
  return {block.count, 0};
}

}  // namespace

PassFlops::PassFlops(const Model& model) {
  const PrunableStructure structure = model.structure();
  dense_ = 2.0 * static_cast<double>(model.cost(structure.full_widths()).macs);
  for (const PatternMatrix& matrix : structure.matrices) {
    of_weight_[matrix.tensor] += 2.0 * static_cast<double>(matrix.macs_per_weight);
    dense_of_[matrix.tensor] = of_weight_[matrix.tensor] * static_cast<double>(matrix.rows_O * matrix.cols_I);
  }
}

double PassFlops::forward(const Mask* mask) const {
  double flops = dense_;
  if (mask == nullptr) return flops;
  for (const auto& [tensor, kept] : mask->elements()) {
    const auto used = of_weight_.find(tensor);
    if (used != of_weight_.end()) flops -= used->second * static_cast<double>(kept.size() - kept.count());
  }
  return flops;
}

double PassFlops::to_weights(ParamId tensor) const {
  const auto found = dense_of_.find(tensor);
  return found == dense_of_.end() ? 0.0 : found->second;
}

double training_flops(const RoundPlan& plan, const TrainTask& task, const PassFlops& pass) {
  const Mask* mask = plan.mask.get();
  double flops = pass.forward(mask) * (task.recompute ? 2.0 : 1.0);
  if (plan.adapters) {
    constexpr double kPasses = 3.0;  // forward, to inputs, to weights
    flops += pass.to_inputs(mask) + kPasses * 2.0 * static_cast<double>(plan.adapters->layout().numel());
  } else {
    // ZeroFL takes as large a part of the inputs as of the weights, and so has no gradient of dropped ones to pay for.
    const bool sparse_inputs = std::holds_alternative<ZeroFlConfig>(task.sparse);
    const double to_weights = pass.forward(mask) + (plan.shadows && !sparse_inputs ? pass.to_dropped(mask) : 0.0);
    flops += pass.to_inputs(mask) + task.activations * to_weights;
  }
  if (task.distill) flops += PassFlops(*make_model(plan.teacher.values->config)).forward(nullptr);
  return flops;
}

std::int64_t positions_of(const Batch& batch) {
  const auto* tokens = std::get_if<Tokens>(&batch.inputs);
  return tokens == nullptr ? batch.size() : tokens->ids_BT.numel();
}

bool holds_kept_alone(const RoundPlan& plan, const TrainTask& task) {
  constexpr double kMostKept = 0.5;
  if (!plan.mask || plan.mask->elements().empty() || plan.shadows || plan.adapters || task.scaffold || plan.part) return false;
  if (task.extrusion || task.activations < 1.0) return false;
  if (task.clip_norm > 0.0 || task.release.clip > 0.0 || task.release.select != Release::Select::kPlanSupport) return false;
  if (plan.tasks.size() > 1) return false;
  return static_cast<double>(plan.mask->kept()) <= kMostKept * static_cast<double>(plan.mask->total());
}

std::uint64_t moments_of(const OptimizerConfig& config) {
  const auto* sgd = std::get_if<SgdConfig>(&config);
  return sgd == nullptr ? 2 : sgd->momentum > 0.0 ? 1 : 0;
}

std::uint64_t copy_for(Precision precision, std::uint64_t float_bytes) { return precision == Precision::kBF16 ? float_bytes / 2 : 0; }

ClientBytes client_bytes(const RoundPlan& plan, const Model& model, std::uint64_t payload) {
  const std::uint64_t weights =
      plan.part ? static_cast<std::uint64_t>(plan.mask->kept()) * sizeof(float) : bytes_of(*model.base_layout());
  const std::uint64_t received = weights + bytes_of(*model.moments_layout());
  ClientBytes bytes{.parameters = received, .payload = payload};
  if (plan.mask && !plan.part) bytes.parameters += bytes_of(*plan.mask);
  std::uint64_t copy = 0;
  for (const Task& task : plan.tasks) {
    if (const auto* train = std::get_if<TrainTask>(&task)) {
      const bool kept_alone = holds_kept_alone(plan, *train);
      const std::uint64_t trained = plan.adapters ? bytes_of(plan.adapters->layout())
                                    : kept_alone  ? static_cast<std::uint64_t>(plan.mask->kept()) * sizeof(float)
                                                  : weights;
      if (kept_alone) {
        bytes.parameters -= weights - trained;
        bytes.scratch = largest_matrix(*plan.mask) * (train->precision == Precision::kBF16 ? 2 : 4) * 2;
      }
      bytes.parameters += plan.adapters ? 2 * trained : trained + bytes_of(*model.moments_layout());
      if (train->lottery) bytes.parameters += bytes_of(plan.origin.values->base.layout());
      if (train->distill) bytes.parameters += bytes_of(plan.teacher.values->base.layout());
      bytes.gradients = train->precision == Precision::kBF16 && !plan.adapters ? trained / 2 : trained;
      bytes.moments = moments_of(train->optimizer) * trained;
      copy = std::max(copy, plan.shadows ? weights : copy_for(train->precision, kept_alone ? trained : weights));
    }
    if (const auto* estimate = std::get_if<EstimateTask>(&task)) {
      copy = std::max(copy, copy_for(estimate->precision, weights));
      bytes.gradients = std::max(bytes.gradients, largest_two_blocks(model));
    }
    if (const auto* measure = std::get_if<MeasureTask>(&task)) copy = std::max(copy, copy_for(measure->precision, weights));
    if (const auto* growth = std::get_if<GrowthTask>(&task)) {
      bytes.growth += growth_bytes(*growth, *model.base_layout());
      bytes.gradients = std::max(bytes.gradients, largest_two_blocks(model));
    }
  }
  bytes.parameters += copy;
  return bytes;
}

std::uint64_t expected_report_bytes(const RoundPlan& plan, const Model& model) {
  constexpr std::string_view kDelta = "train/delta/";
  const ArenaLayout& base = *model.base_layout();
  const TrainTask* train = nullptr;
  for (const Task& task : plan.tasks) {
    if (std::holds_alternative<TrainTask>(task)) train = &std::get<TrainTask>(task);
  }
  std::vector<BlockExtent> extents;
  for (const ReportBlock& block : report_blocks(plan, model)) {
    const bool positions_alone = block.name.starts_with(kSentBlocks) || (plan.personal && block.name.starts_with("train/held/"));
    if (block.name.starts_with("growth/") || positions_alone) continue;
    if (train != nullptr && block.name.starts_with(kDelta)) {
      const ParamId tensor = plan.adapters ? -1 : base.find(block.name.substr(kDelta.size()));
      const Sent sent = plan.adapters ? Sent{block.count, 0} : sent_of(plan, *train, block, tensor, base[tensor].numel);
      const std::size_t value_bytes = static_cast<std::size_t>(sent.values) * bytes_per_element(dtype_of(train->release.wire));
      extents.push_back({block.name.size(), 1, value_bytes, sent.position_bytes});
      continue;
    }
    const std::size_t element = block.name.starts_with("train/control/") ? sizeof(float) : sizeof(double);
    extents.push_back({block.name.size(), 1, static_cast<std::size_t>(block.count) * element, 0});
  }
  return encoded_size(0, extents);
}

}  // namespace coppice
