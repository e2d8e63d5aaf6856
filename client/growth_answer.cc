#include "client/growth_answer.h"

#include "algorithms/dynamics/flash.h"
#include "core/error.h"

namespace coppice {

GrowthAnswer::GrowthAnswer(const GrowthTask& task, const Mask* mask, Seed seed) : task_(task), mask_(mask) {
  const bool drawn = task.release.select == Release::Select::kCandidates;
  for (std::size_t i = 0; i < task.tensors.size(); ++i) {
    const auto tensor = static_cast<ParamId>(task.tensors[i]);
    Entries& entries = entries_[tensor];
    if (!task.counts.empty()) entries.count = task.counts[i];
    needs_gradient_ |= task.what != GrowthTask::What::kDensities && (task.counts.empty() || entries.count > 0);
    if (!drawn) continue;
    kept(tensor);
    entries.positions = growth_candidates(*mask, tensor, entries.count, seed);
    entries.values.resize(entries.positions.size());
  }
}

const Bits& GrowthAnswer::kept(ParamId tensor) const {
  if (mask_ == nullptr || mask_->keeps_all(tensor)) {
    throw InputError("plan: growth.tensors: found tensor " + std::to_string(tensor) + ", of which nothing is dropped");
  }
  return mask_->bits(tensor);
}

void GrowthAnswer::take(ParamId tensor, const at::Tensor& gradient, std::int64_t samples) {
  const auto found = entries_.find(tensor);
  if (found == entries_.end()) return;
  Entries& entries = found->second;
  ++entries.batches;
  const std::span g(gradient.const_data_ptr<float>(), static_cast<std::size_t>(gradient.numel()));
  if (task_.what == GrowthTask::What::kSquares) {
    entries.values.resize(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      const float mean = g[i] / static_cast<float>(samples);
      entries.values[i] += mean * mean;
    }
    return;
  }
  if (task_.release.select == Release::Select::kPrivateTopK) {
    entries.positions = largest_dropped(g, kept(tensor), entries.count);
    entries.values.assign(entries.positions.size(), 0.0F);
  }
  for (std::size_t i = 0; i < entries.positions.size(); ++i) entries.values[i] += g[entries.positions[i]];
}

void GrowthAnswer::release(const ReleaseContext& context, const Arena& base, std::int64_t seen, Report& report) {
  report.add_scalar("growth/weight", weight_of(context));
  if (task_.what == GrowthTask::What::kDensities) {
    for (const std::int64_t tensor : task_.tensors) kept(static_cast<ParamId>(tensor));
    const std::vector<double> densities = redistributed_densities(*mask_, task_.tensors, base, task_.rate);
    for (std::size_t i = 0; i < densities.size(); ++i) {
      release_sums(context, "growth/" + base.layout()[static_cast<int>(task_.tensors[i])].name, {densities[i]}, true, report);
    }
    return;
  }
  const bool squares = task_.what == GrowthTask::What::kSquares;
  for (std::size_t i = 0; i < task_.tensors.size(); ++i) {
    const auto tensor = static_cast<ParamId>(task_.tensors[i]);
    const ArenaEntry& entry = base.layout()[tensor];
    Entries& entries = entries_.at(tensor);
    if (squares) entries.values.resize(static_cast<std::size_t>(entry.numel));
    const float share = 1.0F / static_cast<float>(squares ? entries.batches : seen);
    for (float& value : entries.values) value *= share;
    const std::string block = "growth/" + entry.name;
    if (task_.what == GrowthTask::What::kVotes) {
      release_votes(context, block, std::move(entries.positions), report);
    } else {
      release_entries(context, block, static_cast<std::uint32_t>(tensor), std::move(entries.positions), std::move(entries.values), report);
    }
    if (!task_.drops.empty()) {
      release_votes(context, "growth/drop/" + entry.name, smallest_kept(base.floats(tensor), kept(tensor), task_.drops[i]), report);
    }
  }
}

}  // namespace coppice
