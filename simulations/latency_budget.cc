#include "simulations/latency_budget.h"

#include <filesystem>

#include "coordinator/latency_table.h"
#include "core/error.h"
#include "core/file.h"

namespace coppice {
namespace {

constexpr std::uint64_t kLargestTable = 1 << 20;

LatencyTable table_for(const BudgetConfig& budget, const Model& model, const std::vector<std::int64_t>& shape, const std::string& folder,
                       bool resumes) {
  const std::string own = folder + "/latency.json";
  const std::string& path = budget.latency_table.empty() ? own : budget.latency_table;
  if (resumes || !budget.latency_table.empty() || std::filesystem::exists(own)) {
    return latency_table_from_json(read_text_file(path, kLargestTable), path);
  }
  LatencyTable table = measure_latencies(model, budget, shape);
  write_file_atomically(own, to_json(table));
  return table;
}

}  // namespace

RunConfig with_latencies(RunConfig config, const Model& model, const std::vector<std::int64_t>& shape, const std::string& folder,
                         bool resumes, const std::string& file) {
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    auto* prune = std::get_if<PruneConfig>(&config.stages[i]);
    if (prune == nullptr || prune->budget.budget.latency == 0.0) continue;
    try {
      prune->budget.latencies = std::make_shared<const LatencyTable>(table_for(prune->budget, model, shape, folder, resumes));
      choose_units(model, std::vector<double>(model.structure().groups.size(), 1.0), prune->budget);
    } catch (InputError& error) {
      error.within(file + ": stages[" + std::to_string(i) + "].prune");
      throw;
    }
  }
  return config;
}

}  // namespace coppice
