#include "simulations/scenario.h"

#include <algorithm>

#include "algorithms/budget/budget.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/importance/unit_vectors.h"
#include "algorithms/masking/make_mask.h"
#include "algorithms/methods/fusion_learning.h"
#include "algorithms/methods/sparse_gpt_pruning.h"
#include "algorithms/methods/submodels.h"
#include "client/batch_reader.h"
#include "core/config_text.h"
#include "core/error.h"
#include "data/data_files.h"
#include "models/added_parameters.h"
#include "models/graph/graph_model.h"
#include "models/model.h"
#include "models/model_folder.h"
#include "models/model_ports.h"
#include "models/unit_kinds.h"

namespace coppice {
namespace {

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Partition deal_test_set(const RunConfig& config, const Dataset& test, Seed seed) {
  if (const auto* column = std::get_if<ByColumnPartition>(&config.data.partition)) {
    return make_partition(PartitionConfig{ByColumnPartition{.column = column->column}}, test, seed);
  }
  return make_partition(PartitionConfig{IidPartition{.clients = std::min(config.data.test_clients, test.size())}}, test, seed);
}

// The last score stage before a stage: its importance and fusion are how scores are read.
ScoreConfig scores_before(const RunConfig& config, std::size_t stage) {
  for (std::size_t i = stage; i-- > 0;) {
    if (const auto* score = std::get_if<ScoreConfig>(&config.stages[i])) return *score;
  }
  return {};
}

// What the score stage has to score for: the pattern of the prune stage that follows it.
const PruneConfig* prune_after(const RunConfig& config, std::size_t stage) {
  for (std::size_t i = stage + 1; i < config.stages.size(); ++i) {
    if (const auto* prune = std::get_if<PruneConfig>(&config.stages[i])) return prune;
  }
  return nullptr;
}

bool looks_at_consumers(const ImportanceConfig& importance) {
  const auto* taylor = std::get_if<TaylorConfig>(&importance);
  return std::holds_alternative<FlapConfig>(importance) || (taylor != nullptr && taylor->weights == TaylorConfig::Weights::kConsumers);
}

bool learns_fusion(const ScoreConfig& scores) { return std::holds_alternative<LearnedGranularity>(scores.fusion.granularity); }

// What is found out, or made up for, where a unit's output is taken in.
void check_consumers(const Model& model) {
  const UnitVectors vectors(model.structure(), *model.base_layout(), UnitVectors::Side::kConsumers);
  if (!vectors.tensors().empty()) return;
  throw InputError("found units with no matrix behind them that takes in what they put out; importance flap, taylor of consumers, learned fusion and "
                   "compensation bias expect channels, neurons or heads");
}

void check_biases(const Model& model) {
  if (model.moments_layout()->size() > 0) {
    throw InputError("compensation: found bias with a model of batch norms, which make up for means when they are recalibrated; "
                     "expected none");
  }
  try {
    with_biases(model.config());
  } catch (InputError& error) {
    error.within("compensation: bias");
    throw;
  }
}

void check_boosters(const SlorbConfig& slorb, const Model& model) {
  try {
    with_boosters(model.config(), slorb.inputs);
  } catch (InputError& error) {
    error.within("compensation: slorb");
    throw;
  }
}

// The pattern of the element masks that a run has, from the stage that makes the first.
ElementPattern pattern_of(const RunConfig& config) {
  for (const StageConfig& stage : config.stages) {
    if (const auto* prune = std::get_if<PruneConfig>(&stage)) return element_pattern(*prune);
  }
  return {};
}

void check_held_out(const Population& population, const std::string& what) {
  if (!everyone(population.select_samples).empty()) return;
  throw InputError(what + " chooses by held-out samples; found data.holdout empty, expected a fraction above 0");
}

// Whether a density leaves every matrix its least, whatever the scores.
void check_density(const PruneConfig& prune, const Pattern& pattern, const Model& model) {
  if (pattern.kind == Pattern::Kind::kNOfM) return;
  BudgetConfig budget = prune.budget;
  budget.allocation = Allocation::kErk;
  budget.mass = 0.0;
  element_quotas(model.structure(), *model.base_layout(), pattern, element_pattern(prune).edge, budget, nullptr);
}

void check_selection(const BnSelectionConfig& selection, const Model& model, const Population& population, const std::string& key) {
  try {
    if (selection.candidates > 1) check_held_out(population, "bn_selection");
    masks_to_select(selection, model, Arena("base", model.base_layout()), Seed{});
  } catch (InputError& error) {
    error.within(key);
    throw;
  }
}

void check_submodels(const SubmodelConfig& submodels, LossKind loss, const Model& model, const Population& population) {
  if (!has_personal_masks(submodels)) {
    if (has_submodels(submodels)) nested_mask(model, 1.0);
    return;
  }
  if (loss == LossKind::kSquaredError) {
    throw InputError("federation.submodels: found lotteryfl, which asks for accuracy, with targets that are no classes; expected classes");
  }
  if (everyone(population.select_samples).empty()) {
    throw InputError("federation.submodels: found lotteryfl with data.holdout empty; clients' own models are measured on held-out samples, "
                     "expected a fraction above 0");
  }
}

void check_finetune_fits(const FinetuneConfig& finetune, LossKind loss, const Model& model, const std::string& key) {
  if (finetune.distill && loss != LossKind::kCrossEntropy) {
    throw InputError(key + ".distill: found targets that are no classes; expected none");
  }
  if (const auto* lora = std::get_if<LoraConfig>(&finetune.adapter)) {
    try {
      adapted_weights(*lora, model);
    } catch (InputError& error) {
      error.within(key);
      throw;
    }
  }
}

// A structure says what the run's cut may take; what a folder was cut by before does not matter.
void declare_units(const RunConfig& config, const std::string& file, ModelState& values) {
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const auto* prune = std::get_if<PruneConfig>(&config.stages[i]);
    if (prune == nullptr) continue;
    try {
      values.config = with_units(values.config, prune->budget.units);
    } catch (InputError& error) {
      error.within(file + ": stages[" + std::to_string(i) + "].prune");
      throw;
    }
  }
}

struct MakeStage {
  const RunConfig& config;
  const Population& population;
  LossKind loss;
  std::size_t index;

  std::unique_ptr<Method> operator()(const WarmupConfig& stage) const {
    FinetuneConfig plain;
    static_cast<TrainingStageConfig&>(plain) = stage;
    return std::make_unique<FederatedTraining>(WarmupConfig::kName, plain, config.federation, loss, population);
  }
  std::unique_ptr<Method> operator()(const PretrainConfig& stage) const {
    return std::make_unique<Pretraining>(stage, config.federation, loss, population);
  }
  std::unique_ptr<Method> operator()(const FinetuneConfig& stage) const {
    return std::make_unique<FederatedTraining>(FinetuneConfig::kName, stage, config.federation, loss, population,
                                               pattern_of(config));
  }
  std::unique_ptr<Method> operator()(const ScoreConfig& stage) const {
    const PruneConfig* prune = prune_after(config, index);
    return scores_for(prune != nullptr ? *prune : PruneConfig{}, stage);
  }
  std::unique_ptr<Method> scores_for(const PruneConfig& prune, const ScoreConfig& stage) const {
    const auto [pattern, edge] = element_pattern(prune);
    return std::make_unique<Scoring>(stage, target_of(pattern), edge, config.federation, loss, population);
  }
  std::unique_ptr<Method> operator()(const PruneConfig& stage) const {
    if (std::holds_alternative<SparseGptConfig>(stage.compensation)) {
      return std::make_unique<SparseGptPruning>(stage, config.federation, loss, population);
    }
    return std::make_unique<Pruning>(stage, scores_before(config, index), config.federation, loss, population);
  }
  std::unique_ptr<Method> operator()(const BnSelectionConfig& stage) const {
    return std::make_unique<BnSelection>(stage, config.federation, loss, population);
  }
  std::unique_ptr<Method> operator()(const Custom<Stage>& stage) const {
    return stage->make({.name = stage.name(), .federation = config.federation, .population = population, .loss = loss});
  }
  std::unique_ptr<Method> operator()(const ExportConfig& stage) const {
    return std::make_unique<FinalMeasurement>(stage, config.federation, loss, population);
  }
};

}  // namespace

std::vector<std::int64_t> input_shape_of(const ModelConfig& config) {
  constexpr std::int64_t kTokens = 32, kPixels = 224;
  const ModelPorts ports = ports_of(config);
  std::vector<std::int64_t> shape = ports.shape;
  std::replace(shape.begin(), shape.end(), std::int64_t{-1}, ports.input == ModelPorts::Input::kTokens ? kTokens : kPixels);
  return shape;
}

Seed run_seed(const RunConfig& config) { return Seed{static_cast<std::uint64_t>(config.run.seed), 0, 0}; }

ScenarioData load_scenario_data(const RunConfig& config) { return deal_scenario_data(config, load_data(config.data.source)); }

std::string contract_file(const std::string& setting, const LoadedData& loaded) {
  return setting.empty() ? loaded.contract : resolve_data_path(setting);
}

ScenarioData deal_scenario_data(const RunConfig& config, const LoadedData& loaded) {
  const Partition dealt = make_partition(config.data.partition, *loaded.train, run_seed(config));
  Partition test = deal_test_set(config, *loaded.test, run_seed(config));
  ScenarioData data;
  const std::string contract = contract_file(config.data.contract, loaded);
  if (!contract.empty()) data.contract = read_contract(contract);
  data.sources = loaded.sources;
  data.trusted = loaded.trusted;
  data.loss = loss_of(loaded.train->spec());
  data.note = loaded.note;
  data.clients = std::make_shared<const ClientData>(
      ClientData{loaded.train, loaded.test, hold_out(dealt, config.data.holdout), std::move(test),
                 Augmenter(config.data.augment, loaded.train->spec())});
  return data;
}

Population population_of(const RunConfig& config, const ScenarioData& data) {
  Population population = data.clients->population();
  population.devices =
      deal_devices(config.federation.devices, static_cast<std::int64_t>(population.train_samples.size()), run_seed(config));
  return population;
}

void check_model_fits(const Model& model, const ExampleSpec& spec, const std::string& file) {
  const ModelPorts ports = ports_of(model.config());
  std::vector<std::int64_t> asked = spec.shape;
  if (std::holds_alternative<MlpConfig>(model.config())) asked = {spec.values_per_example()};
  const bool models_topics = std::holds_alternative<ProdLdaConfig>(model.config());
  if (models_topics != (spec.target == ExampleSpec::Target::kWords)) {
    throw InputError(file + ": model: found " + family_of(model.config()) + "; the data holds " + spec.describe() + ", expected " +
                     (models_topics ? "bags of words whose target is words (tools/to_shards.py --task words)" : "model prodlda"));
  }
  const auto fits = [](std::int64_t size, std::int64_t given) { return size < 0 || size == given; };
  if (!std::equal(ports.shape.begin(), ports.shape.end(), asked.begin(), asked.end(), fits)) {
    throw InputError(file + ": model." + (models_topics ? "vocabulary" : ports.shape.size() == 1 ? "inputs" : "input") + ": found " +
                     text_of(ports.shape) + "; the data holds " + spec.describe() + ", expected " + text_of(asked));
  }
  if (ports.outputs != spec.num_targets) {
    const char* key = std::holds_alternative<DecoderConfig>(model.config()) ? "vocab" : "outputs";
    throw InputError(file + ": model." + key + ": found " + std::to_string(ports.outputs) + "; the data holds " +
                     spec.describe() + ", expected " + std::to_string(spec.num_targets));
  }
}

ModelState first_values(const RunConfig& config) {
  if (const auto* folder = std::get_if<ModelFolderConfig>(&config.model)) return read_model_folder(folder->path);
  if (const auto* graph = std::get_if<GraphConfig>(&config.model)) return read_graph_file(graph->path);
  return initial_state(*make_model(config.model), run_seed(config));
}

State first_state(const RunConfig& config, const std::string& file) {
  State state;
  state.run_id = static_cast<std::uint64_t>(config.run.seed);
  ModelState values = first_values(config);
  declare_units(config, file, values);
  state.tracks[kMainTrack] = Track{std::make_shared<const ModelState>(std::move(values)), nullptr, nullptr, {}};
  return state;
}

std::vector<std::unique_ptr<Method>> make_stages(const RunConfig& config, const Population& population, LossKind loss) {
  std::vector<std::unique_ptr<Method>> stages;
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const MakeStage make{config, population, loss, i};
    const auto* prune = std::get_if<PruneConfig>(&config.stages[i]);
    if (prune == nullptr) {
      stages.push_back(std::visit(make, config.stages[i]));
      continue;
    }
    const ScoreConfig scores = scores_before(config, i);
    for (std::int64_t step = 1; step <= prune->steps; ++step) {
      const PruneConfig one = step_of(*prune, step);
      if (step > 1 && prune->rounds > 0) stages.push_back(make(training_between(*prune)));
      if (step > 1) stages.push_back(make.scores_for(*prune, scores));
      if (learns_fusion(scores)) stages.push_back(std::make_unique<FusionLearning>(one, scores, config.federation, loss, population));
      stages.push_back(make(one));
    }
  }
  return stages;
}

void check_scenario(const RunConfig& config, const ScenarioData& data, const Model& model, int ranks,
                    const std::string& file) {
  const Population population = population_of(config, data);
  check_submodels(config.federation.submodels, data.loss, model, population);
  draw_cohort(population.train_samples, config.federation.cohort, run_seed(config));
  if (ranks > config.federation.cohort) {
    throw InputError("mpirun or run.ranks: found " + std::to_string(ranks) + " ranks for a cohort of " +
                     std::to_string(config.federation.cohort) + " clients (federation.cohort); expected at most as many");
  }
  const PrunableStructure structure = model.structure();
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    if (const auto* finetune = std::get_if<FinetuneConfig>(&config.stages[i])) {
      check_finetune_fits(*finetune, data.loss, model, file + ": stages[" + std::to_string(i) + "].finetune");
    }
    if (const auto* selection = std::get_if<BnSelectionConfig>(&config.stages[i])) {
      check_selection(*selection, model, population, file + ": stages[" + std::to_string(i) + "].bn_selection");
    }
    const auto* prune = std::get_if<PruneConfig>(&config.stages[i]);
    if (prune == nullptr) continue;
    const std::string key = file + ": stages[" + std::to_string(i) + "].prune";
    const Pattern pattern = make_pattern(prune->pattern);
    const ScoreConfig scores = scores_before(config, i);
    try {
      if (!from_weights_alone(scores.importance)) {  // refuses what it cannot score
        score_blocks(scores.importance, model, score_request(estimate_task(scores, target_of(pattern), prune->edge)));
      }
      if (const auto* own = std::get_if<Custom<Importance>>(&scores.importance)) (*own)->check();
      if (learns_fusion(scores) && (pattern.kind != Pattern::Kind::kChannels || from_weights_alone(scores.importance))) {
        throw InputError("score.fusion.granularity: found learned with pattern " + to_string(pattern) + " and importance " +
                         kind_of(scores.importance) + "; expected channels, scored on clients' data");
      }
      if (pattern.kind == Pattern::Kind::kChannels) {
        // With equal scores the greedy walk goes as far down as any other. How far times go down is known once they are measured.
        if (prune->budget.budget.latency == 0.0) choose_units(model, std::vector<double>(structure.groups.size(), 1.0), prune->budget);
        if (looks_at_consumers(scores.importance) || learns_fusion(scores) || std::holds_alternative<BiasCompensation>(prune->compensation)) {
          check_consumers(model);
        }
        const bool compares = candidates(scores.fusion).size() > 1 && !from_weights_alone(scores.importance);
        if (compares) check_held_out(population, "adaptive fusion");
      } else {
        check_pattern(model, pattern, prune->edge);
        check_density(*prune, pattern, model);
      }
      if (prune->memory > 0.0 && from_weights_alone(scores.importance)) {
        throw InputError("memory: found " + plain_number(prune->memory) + " with importance " + kind_of(scores.importance) +
                         ", of which clients send nothing that could accumulate; expected 0");
      }
      if (prune->budget.allocation == Allocation::kAdaptive) check_held_out(population, "adaptive allocation");
      if (std::holds_alternative<SparseGptConfig>(prune->compensation)) check_sparse_gpt(*prune, model);
      if (std::holds_alternative<BiasCompensation>(prune->compensation)) check_biases(model);
      if (const auto* slorb = std::get_if<SlorbConfig>(&prune->compensation)) check_boosters(*slorb, model);
    } catch (InputError& error) {
      error.within(key);
      throw;
    }
  }
}

}  // namespace coppice
