#include "coordinator/export.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "algorithms/methods/final_measurement.h"
#include "coordinator/packed_model.h"
#include "coordinator/report/model_card.h"
#include "core/file.h"
#include "models/model.h"
#include "models/model_folder.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

std::int64_t size_of(const std::string& path) { return static_cast<std::int64_t>(fs::file_size(path)); }

std::string provenance(const FinalModel& result, const RunSummary& summary) {
  const VariantFigures& figures = result_of(summary);
  nlohmann::json json = {
      {"artifact", figures.artifact},
      {"name", summary.name},
      {"seed", summary.seed},
      {"config_digest", summary.config_digest},
      {"weights_digest", result.values->digest().hex()},
      {"fingerprint", summary.fingerprint},
      {"data", {{"name", summary.data.name}, {"note", summary.data.note}, {"clients", summary.data.clients}}},
      {"accuracy", figures.accuracy},
      {"parameters", figures.parameters},
      {"flops", figures.flops},
      {"privacy", {{"epsilon", nullptr}, {"note", "no privacy mechanism was in force"}}},
  };
  if (summary.mask) {
    json["mask"] = {{"pattern", summary.mask->pattern}, {"density", summary.mask->density}, {"digest", summary.mask->digest}};
  }
  return json.dump(2) + "\n";
}

}  // namespace

RunSummary export_run(const State& state, const RunFacts& facts, const std::string& folder) {
  RunSummary summary = summarize_run(state, facts);
  const FinalModel result = final_models(state).back();
  const std::string model_folder = folder + "/model";
  fs::create_directories(model_folder);
  write_model_folder(model_folder, *result.values, provenance(result, summary));
  VariantFigures& figures = summary.variants.back();
  figures.file_bytes = size_of(model_folder + "/model.safetensors");
  if (result.mask) {
    const std::string packed = model_folder + "/model.packed";
    write_packed_model(packed, *result.values, result.mask);
    // The same model by another road to disk: equal in all but its bytes.
    VariantFigures compact = figures;
    compact.name = "compact";
    compact.artifact = "packed";
    compact.file_bytes = size_of(packed);
    summary.variants.push_back(compact);
  }
  write_file_atomically(model_folder + "/README.md", model_card(summary));
  write_file_atomically(folder + "/summary.json", to_json_text(summary));
  return summary;
}

}  // namespace coppice
