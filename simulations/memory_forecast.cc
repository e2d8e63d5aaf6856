#include "simulations/memory_forecast.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "algorithms/budget/budget.h"
#include "algorithms/exchange/client_cost.h"
#include "client/batch_reader.h"
#include "core/allocator.h"
#include "core/error.h"
#include "core/exact_sum.h"
#include "core/human_text.h"
#include "core/process_memory.h"
#include "models/model.h"
#include "models/state_file.h"
#include "simulations/foreseen_rounds.h"
#include "simulations/pass_memory.h"

namespace coppice {
namespace {

std::uint64_t floats_of(const Model& model) { return static_cast<std::uint64_t>(model.base_layout()->padded_numel()) * sizeof(float); }

std::uint64_t slots_of(const ServerConfig& config) {
  return std::holds_alternative<FedAvgConfig>(config) ? 0 : std::holds_alternative<FedAvgMConfig>(config) ? 1 : 2;
}

class Forecaster {
 public:
  Forecaster(const RunConfig& config, const ScenarioData& data, const ModelState& values, int ranks)
      : config_(config), data_(data), values_(values), ranks_(static_cast<std::uint64_t>(ranks)), model_(make_model(values.config)) {}

  MemoryForecast worst() {
    std::uint64_t dense = 0;  // of the model before the cut
    for (const StageConfig& stage : config_.stages) {
      if (const auto* score = std::get_if<ScoreConfig>(&stage)) scoring(*score);
      if (const auto* prune = std::get_if<PruneConfig>(&stage)) {
        measuring("judging masks", true, 0);
        dense = floats_of(*model_);
        model_ = model_after(*prune, *model_);
      }
      if (const auto* pretrain = std::get_if<PretrainConfig>(&stage)) pretraining(*pretrain, floats_of(*model_));
      if (const auto* warmup = std::get_if<WarmupConfig>(&stage)) training(warmup->rounds, floats_of(*model_), dense);
      if (const auto* finetune = std::get_if<FinetuneConfig>(&stage)) {
        training(finetune->rounds, floats_of(*model_), dense);
        if (finetune->twin && dense > 0) training(finetune->rounds, dense, floats_of(*model_));
      }
      if (const auto* own = std::get_if<Custom<Stage>>(&stage)) training((*own)->rounds(), floats_of(*model_), dense);
      // The masked model stands beside the compact one, in memory.
      if (std::holds_alternative<ExportConfig>(stage)) measuring("the last measurement", false, dense);
    }
    return worst_;
  }

 private:
  // Passes are measured on the model as it is now; a sliced one takes a little less.
  const PassMemory& pass_of(std::optional<PassMemory>& known, Precision precision, bool trains, bool released) {
    if (known) return *known;
    std::vector<at::Tensor> leaves;
    const at::ScalarType dtype = precision == Precision::kBF16 ? at::kBFloat16 : at::kFloat;
    for (const at::Tensor& view : values_.base.views()) leaves.push_back(view.to(dtype).detach().set_requires_grad(true));
    std::vector<at::Tensor> moments;
    for (const at::Tensor& view : values_.moments.views()) moments.push_back(view.clone());
    const BatchOf batch_of = [&](std::int64_t samples, Batch& batch) {
      std::vector<std::int64_t> indices(static_cast<std::size_t>(samples));
      std::iota(indices.begin(), indices.end(), 0);
      for (std::int64_t& index : indices) index %= data_.clients->train->size();
      read_batch(*data_.clients->train, indices, batch);
      if (auto* images = std::get_if<Images>(&batch.inputs)) images->x_BCHW = images->x_BCHW.to(dtype);
      if (auto* features = std::get_if<Features>(&batch.inputs)) features->x_BF = features->x_BF.to(dtype);
      if (auto* bags = std::get_if<BagOfWords>(&batch.inputs)) bags->counts_BV = bags->counts_BV.to(dtype);
    };
    const auto model = make_model(values_.config);
    known = trains ? training_memory(*model, {leaves, moments}, data_.loss, batch_of, config_.federation.local.recompute, released)
                   : measuring_memory(*model, {leaves, moments}, data_.loss, batch_of);
    return *known;
  }

  // Bytes of a model of the coordinator's in memory: one in a file is there only while it is read.
  static std::uint64_t resident(std::uint64_t floats, bool read) {
    return read || floats < kFewestMappedBytes ? floats : 0;
  }

  static std::uint64_t sums_of(std::uint64_t floats) {
    return 2 * floats < ExactSums::kFewestBytesInFile ? 2 * floats : 0;  // else they are in a file, too
  }

  // The parts of one moment: of each rank, and of the coordinator.
  void consider(const std::string& when, std::vector<MemoryPart> of_a_rank, std::vector<MemoryPart> once) {
    MemoryForecast forecast{when, {}};
    for (MemoryPart& part : of_a_rank) {
      part.bytes *= ranks_;
      once.push_back(std::move(part));
    }
    std::sort(once.begin(), once.end(), [](const MemoryPart& a, const MemoryPart& b) { return a.bytes > b.bytes; });
    for (MemoryPart& part : once) {
      if (part.bytes > 0) forecast.parts.push_back(std::move(part));
    }
    if (worst_.parts.empty() || forecast.bytes() > worst_.bytes()) worst_ = std::move(forecast);
  }

  // What is received: the coordinator's own, and copies of the other ranks.
  MemoryPart received(std::uint64_t floats, bool read) const {
    return {"the model as received", resident(floats, read) + (ranks_ - 1) * floats};
  }

  // A round for a model of `floats` bytes, beside which the state holds another.
  void training(std::int64_t rounds, std::uint64_t floats, std::uint64_t other) {
    if (rounds == 0) return;
    const FederationConfig& federation = config_.federation;
    const std::uint64_t low = copy_for(federation.precision, floats);
    const MemoryPart beside{"another model of the run", resident(other, false)};
    const MemoryPart slots{"slots of the server's optimizer", slots_of(federation.server) * floats};
    const MemoryPart pass{"activations and gradients", pass_of(training_pass_, federation.precision, true, false).at(federation.local.batch)};
    const MemoryPart weights{"weights of a client", floats}, copy{"their bfloat16 copy", low}, sums{"sums of reports", sums_of(floats)};
    consider("training", {weights, {"moments of its optimizer", moments_of(federation.optimizer) * floats}, copy, pass, sums},
             {received(floats, false), beside, slots});
    consider("adding reports up", {weights, copy, pass, sums}, {received(floats, true), beside, slots});
    consider("the server's step", {pass, sums},
             {received(floats, true), beside, slots, slots, {"the next weights", floats}});
  }

  // By the coordinator alone.
  void pretraining(const PretrainConfig& config, std::uint64_t floats) {
    const Precision precision = config_.federation.precision;
    consider("pretraining", {},
             {received(floats, true), {"weights of the coordinator", floats}, {"moments of its optimizer", moments_of(config.optimizer) * floats},
              {"their bfloat16 copy", copy_for(precision, floats)}, {"sums of its report", sums_of(floats)},
              {"activations and gradients", pass_of(training_pass_, precision, true, false).at(config.batch)}});
  }

  void scoring(const ScoreConfig& score) {
    if (from_weights_alone(score.importance)) return;
    std::uint64_t scored = 0;
    for (const PatternMatrix& matrix : model_->structure().matrices) {
      if (!matrix.edge) scored += static_cast<std::uint64_t>((*model_->base_layout())[matrix.tensor].numel);
    }
    const Precision precision = config_.federation.evaluation.precision;
    const std::uint64_t floats = floats_of(*model_);
    consider("scoring",
             {{"saliences", scored * sizeof(float)},
              {"bfloat16 copy of the weights", copy_for(precision, floats)},
              {"activations and gradients", pass_of(scoring_pass_, precision, true, true).at(score.batch)}},
             {received(floats, true)});
  }

  // `other`: bytes of models that the state holds besides.
  void measuring(const std::string& when, bool masked, std::uint64_t other) {
    const EvaluationConfig& evaluation = config_.federation.evaluation;
    const std::uint64_t floats = floats_of(*model_);
    consider(when,
             {{"weights under a mask", masked ? floats : 0},
              {"bfloat16 copy of the weights", copy_for(evaluation.precision, floats)},
              {"activations", pass_of(measuring_pass_, evaluation.precision, false, false).at(evaluation.batch)}},
             {received(floats, true), {"other models of the run", other}});
  }

  const RunConfig& config_;
  const ScenarioData& data_;
  const ModelState& values_;
  std::uint64_t ranks_;
  std::unique_ptr<Model> model_;
  std::optional<PassMemory> training_pass_, scoring_pass_, measuring_pass_;
  MemoryForecast worst_;
};

}  // namespace

std::uint64_t MemoryForecast::bytes() const {
  return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}, [](std::uint64_t sum, const MemoryPart& p) { return sum + p.bytes; });
}

MemoryForecast forecast_memory(const RunConfig& config, const ScenarioData& data, const ModelState& values, int ranks) {
  MemoryForecast forecast = Forecaster(config, data, values, ranks).worst();
  trim_heap();  // after the passes, so that the code and the tables they brought into memory count, and nothing else
  const std::uint64_t resident = rss_bytes(), counted = values.base.flat().nbytes();
  forecast.parts.push_back({"program and data", resident - std::min(resident, counted)});
  return forecast;
}

void check_memory(const RunConfig& config, const ScenarioData& data, const ModelState& values, int ranks, const std::string& file) {
  const std::uint64_t available = available_bytes() + rss_bytes();
  const MemoryForecast forecast = forecast_memory(config, data, values, ranks);
  if (forecast.bytes() <= available) return;
  std::string text = file + ": needs about " + bytes_text(forecast.bytes()) + " of memory for " + forecast.when + "; found " +
                     bytes_text(available);
  if (!config.federation.local.recompute) {
    RunConfig leaner = config;
    leaner.federation.local.recompute = true;
    text += "; with federation.local.recompute: true about " + bytes_text(forecast_memory(leaner, data, values, ranks).bytes());
  }
  throw InputError(text);
}

}  // namespace coppice
