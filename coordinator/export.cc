#include "coordinator/export.h"

#include <ATen/core/grad_mode.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "algorithms/methods/final_measurement.h"
#include "coordinator/latency.h"
#include "coordinator/report/model_card.h"
#include "core/file.h"
#include "models/model.h"
#include "models/model_folder.h"
#include "models/model_ports.h"
#include "models/packed/packed_model.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

std::int64_t size_of(const std::string& path) { return static_cast<std::int64_t>(fs::file_size(path)); }

std::string provenance(const FinalModel& result, const RunSummary& summary, const RunFacts& facts) {
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
      {"input", {{"shape", facts.sample_shape}, {"mean", facts.mean}, {"scale", facts.scale}}},
      {"privacy", {{"epsilon", nullptr}, {"note", "no privacy mechanism was in force"}}},
  };
  if (summary.mask) {
    json["mask"] = {{"pattern", summary.mask->pattern}, {"density", summary.mask->density}, {"digest", summary.mask->digest}};
  }
  return json.dump(2) + "\n";
}

Block block_of(const std::string& name, const at::Tensor& values) {
  const at::Tensor dense = values.contiguous();
  Block block;
  block.name = name;
  block.dtype = dense.scalar_type() == at::kLong ? DType::kI64 : DType::kF32;
  block.shape = dense.sizes().vec();
  const auto* bytes = static_cast<const std::byte*>(dense.const_data_ptr());
  block.values.assign(bytes, bytes + dense.nbytes());
  return block;
}

// Made-up inputs and this program's logits for them: what another program checks its own reading of the model against.
void write_verification(const FinalModel& result, const RunFacts& facts, const std::string& path) {
  const at::NoGradGuard no_grad;
  const auto model = make_model(result.values->config);
  const bool tokens = ports_of(result.values->config).input == ModelPorts::Input::kTokens;
  const Batch batch = random_batch(*model, facts.sample_shape, tokens ? 2 : 16);
  Tap tap;
  const at::Tensor logits = model->forward(batch, result.values->weights(), tap, Mode::kEval);
  SafetensorsFile file;
  if (const auto* images = std::get_if<Images>(&batch.inputs)) file.tensors.push_back(block_of("inputs", images->x_BCHW));
  if (const auto* features = std::get_if<Features>(&batch.inputs)) file.tensors.push_back(block_of("inputs", features->x_BF));
  if (const auto* ids = std::get_if<Tokens>(&batch.inputs)) file.tensors.push_back(block_of("inputs", ids->ids_BT));
  file.tensors.push_back(block_of("logits", logits));
  write_safetensors(path, file);
}

}  // namespace

RunSummary export_run(const State& state, const RunFacts& facts, const std::string& folder) {
  RunSummary summary = summarize_run(state, facts);
  const FinalModel result = final_models(state).back();
  const std::string model_folder = folder + "/model";
  fs::create_directories(model_folder);
  write_model_folder(model_folder, *result.values, provenance(result, summary, facts));
  if (!facts.model_folder.empty()) copy_companions(facts.model_folder, model_folder);
  write_verification(result, facts, model_folder + "/verification.safetensors");
  VariantFigures& figures = summary.variants.back();
  figures.file_bytes = size_of(model_folder + "/model.safetensors");
  if (result.mask) {
    const std::string packed = model_folder + "/model.packed";
    write_packed_model(packed, *result.values, *result.mask);
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
