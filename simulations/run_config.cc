#include "simulations/run_config.h"

#include <algorithm>

#include "algorithms/methods/submodels.h"
#include "core/config_text.h"
#include "core/config_yaml.h"
#include "core/digest.h"
#include "core/error.h"

namespace coppice {
namespace {

std::string where(const std::string& file, std::size_t stage, const char* name) {
  return file + ": stages[" + std::to_string(stage) + "]." + name;
}

void check_federation(const FederationConfig& federation, const std::string& file) {
  const std::string key = file + ": federation.";
  if (federation.correction == Correction::kScaffold) {
    const auto* sgd = std::get_if<SgdConfig>(&federation.optimizer);
    if (sgd == nullptr || sgd->momentum != 0.0 || sgd->weight_decay != 0.0) {
      throw InputError(key + "correction: found scaffold with " +
                       (sgd == nullptr ? "an adaptive federation.optimizer"
                                       : "federation.optimizer.momentum or weight_decay above 0") +
                       "; expected plain sgd");
    }
    if (federation.aggregation.index() != 0) {
      throw InputError(key + "correction: found scaffold with another federation.aggregation; expected mean");
    }
  }
  if (std::holds_alternative<FedNovaAggregation>(federation.aggregation) &&
      (!std::holds_alternative<SgdConfig>(federation.optimizer) || federation.local.prox_mu != 0.0)) {
    throw InputError(key + "aggregation: found fednova with " +
                     (federation.local.prox_mu != 0.0 ? "federation.local.prox_mu" : "an adaptive federation.optimizer") +
                     ", under which steps cannot be counted; expected plain sgd");
  }
  if (federation.local.selective) {
    const char* other = federation.correction == Correction::kScaffold                        ? "correction scaffold, which stores something else at clients"
                        : std::holds_alternative<KrumAggregation>(federation.aggregation) ? "aggregation krum, which needs the whole cohort's reports" : nullptr;
    if (other != nullptr) throw InputError(key + "local.selective: found true with federation." + other + "; expected false");
  }
  if (const auto* sgd = std::get_if<SgdConfig>(&federation.optimizer); sgd != nullptr && sgd->nesterov && sgd->momentum == 0.0) {
    throw InputError(key + "optimizer.nesterov: found true with momentum 0; expected momentum above 0");
  }
  if (const auto* nested = std::get_if<HeteroFlConfig>(&federation.submodels)) {
    if (nested->rates.empty() || (!nested->shares.empty() && nested->shares.size() != nested->rates.size())) {
      throw InputError(key + "submodels.shares: found " + std::to_string(nested->shares.size()) + " for " +
                       std::to_string(nested->rates.size()) + " rates; expected at least one rate, and as many shares or none");
    }
  }
  if (has_submodels(federation.submodels)) {
    const char* other = federation.correction == Correction::kScaffold ? "correction scaffold"
                        : federation.aggregation.index() != 0          ? "another aggregation than mean"
                                                                       : nullptr;
    const std::string found = key + "submodels: found " + kind_of(federation.submodels);
    if (other != nullptr) throw InputError(found + " with federation." + other + "; expected one of them");
    if (std::holds_alternative<FedMpConfig>(federation.submodels) && !std::holds_alternative<DeviceMix>(federation.devices)) {
      throw InputError(found + " without federation.devices, whose clock its rewards are read from; expected kind mix");
    }
  }
  if (const auto* krum = std::get_if<KrumAggregation>(&federation.aggregation)) {
    if (federation.cohort < 2 * krum->byzantine + 3) {
      throw InputError(key + "cohort: found " + std::to_string(federation.cohort) + " with aggregation.byzantine " +
                       std::to_string(krum->byzantine) + "; expected at least 2f + 3 = " +
                       std::to_string(2 * krum->byzantine + 3));
    }
  }
}

void check_score(const ScoreConfig& score, bool of_weights, const std::string& key) {
  if (!of_weights && scores_elements_alone(score.importance)) {
    throw InputError(key + ".importance: found " + kind_of(score.importance) + ", which scores single weights alone, with pattern channels; expected another");
  }
  if (std::holds_alternative<GraspConfig>(score.importance) && std::holds_alternative<NormalisedMeanFusion>(score.fusion.clients)) {
    throw InputError(key + ".fusion.clients: found normalised_mean with grasp, whose scores have signs; expected mean, vote or rank");
  }
  if (score.fusion.confidence && std::holds_alternative<Custom<GranularityFusion>>(score.fusion.granularity)) {
    throw InputError(key + ".fusion.confidence: found true with fusion.granularity " + kind_of(score.fusion.granularity) +
                     ", which has no weight of coarse; expected false");
  }
  const double concentration = score.fusion.concentration;
  if (concentration > 0.0 && (!of_weights || std::holds_alternative<GraspConfig>(score.importance))) {
    throw InputError(key + ".fusion.concentration: found " + plain_number(concentration) +
                     (of_weights ? " with grasp, whose scores have signs; expected 0" : " with pattern channels; it is for single weights, expected 0"));
  }
  if (!of_weights && score.batches == 1 && needs_confidence(score.fusion) && !from_weights_alone(score.importance)) {
    throw InputError(key + ".batches: found 1; fusion by uncertainty (also among adaptive's candidates) compares batches of a "
                     "client, expected at least 2, or 0 for all");
  }
}

// Whether the next prune stage takes single weights.
bool scores_weights(const RunConfig& config, std::size_t stage) {
  for (std::size_t i = stage + 1; i < config.stages.size(); ++i) {
    if (const auto* prune = std::get_if<PruneConfig>(&config.stages[i])) return make_pattern(prune->pattern).kind != Pattern::Kind::kChannels;
  }
  return false;
}

void check_prune(const PruneConfig& prune, bool scored, const std::string& key) {
  Pattern pattern;
  try {
    pattern = make_pattern(prune.pattern);
  } catch (InputError& error) {
    error.within(key + ".pattern");
    throw;
  }
  const BudgetTarget& target = prune.budget.budget;
  const bool channels = pattern.kind == Pattern::Kind::kChannels;
  const int units_set = unit_targets(target);
  if (channels && (units_set != 1 || target.density > 0.0)) {
    throw InputError(key + ".budget: pattern channels takes exactly one of flops, params, bytes and latency");
  }
  if (pattern.kind == Pattern::Kind::kNOfM && (units_set > 0 || target.density > 0.0)) {
    throw InputError(key + ".budget: pattern " + to_string(pattern) + " fixes the density itself; expected no budget");
  }
  if (!channels && pattern.kind != Pattern::Kind::kNOfM && (units_set > 0 || target.density <= 0.0)) {
    throw InputError(key + ".budget: pattern " + to_string(pattern) + " takes density");
  }
  if (pattern.kind == Pattern::Kind::kNOfM && prune.steps > 1) {
    throw InputError(key + ".steps: found " + std::to_string(prune.steps) + " with pattern " + to_string(pattern) +
                     ", which has one density; expected 1");
  }
  if (!channels && prune.memory > 0.0) {
    throw InputError(key + ".memory: found " + plain_number(prune.memory) + " with pattern " + to_string(pattern) +
                     "; expected 0, or pattern channels");
  }
  if (prune.steps == 1 && (prune.rounds > 0 || prune.memory > 0.0)) {
    throw InputError(key + (prune.rounds > 0 ? ".rounds: found " + std::to_string(prune.rounds) : ".memory: found " + plain_number(prune.memory)) +
                     " with steps 1; expected 0, or steps above 1");
  }
  if (!channels && !prune.budget.units.empty()) {
    throw InputError(key + ".units: pattern " + to_string(pattern) + " takes single weights; expected no units");
  }
  const std::vector<std::string>& units = prune.budget.units;
  if (std::holds_alternative<BiasCompensation>(prune.compensation) && std::find(units.begin(), units.end(), "layer") != units.end()) {
    throw InputError(key + ".compensation: found bias with units [layer]; nothing stays of a layer that could have one, expected none");
  }
  if (std::holds_alternative<SlorbConfig>(prune.compensation) && (channels || prune.steps > 1)) {
    throw InputError(key + ".compensation: found slorb " + (channels ? "with pattern channels, which leaves nothing masked" : "with steps above 1") +
                     "; expected " + (channels ? "bias or none" : "steps 1"));
  }
  if (std::holds_alternative<SparseGptConfig>(prune.compensation)) {
    if (channels || pattern.own) {
      throw InputError(key + ".compensation: found sparsegpt with pattern " + to_string(pattern) + "; expected bias or none");
    }
    if (pattern.kind != Pattern::Kind::kNOfM && (prune.budget.allocation == Allocation::kGlobal ||
                                                  prune.budget.allocation == Allocation::kAdaptive || prune.budget.mass > 0.0)) {
      throw InputError(key + ".allocation: found global, adaptive or a mass; sparsegpt has no scores across matrices, expected uniform or erk");
    }
    if (scored) {
      throw InputError(key + ".compensation: found sparsegpt, which chooses weights by itself; expected no score stage before it");
    }
  } else if (!scored) {
    throw InputError(key + ": found no score stage before it; expected one (`- score: {...}`)");
  }
}

void check_dynamics(const FinetuneConfig& finetune, const RunConfig& config, bool cut, const Pattern& pattern, const std::string& key) {
  const std::string found = key + ".dynamics: found " + kind_of(finetune.dynamics);
  if (!cut || pattern.kind != Pattern::Kind::kUnstructured) {
    throw InputError(found + (cut ? " with pattern " + to_string(pattern) : " without a mask") +
                     "; expected a prune stage with pattern unstructured, or bn_selection, before it");
  }
  if (keeps_shadows(finetune.sparse)) throw InputError(found + " with sparse, too; expected one of them: both choose the mask");
  if (config.federation.correction == Correction::kScaffold) {
    throw InputError(found + " with federation.correction scaffold, whose variates follow a fixed mask; expected none");
  }
}

// Parts of a model are masks on all of its weights.
void check_parts(const FinetuneConfig& finetune, bool personal, bool cut, const Pattern& pattern, const std::string& key) {
  const char* other = cut && personal                                   ? " after a cut, which every client would share"
                      : cut && pattern.kind != Pattern::Kind::kChannels   ? " after a cut of single weights"
                      : finetune.twin                                   ? ".twin, which every client trains whole"
                      : std::holds_alternative<LoraConfig>(finetune.adapter) ? ".adapter lora" : nullptr;
  if (other != nullptr) throw InputError(key + other + ": found with federation.submodels; expected none of them");
}

void check_finetune(const FinetuneConfig& finetune, const RunConfig& config, bool cut, const Pattern& pattern, const std::string& key) {
  if (has_submodels(config.federation.submodels)) check_parts(finetune, has_personal_masks(config.federation.submodels), cut, pattern, key);
  if (finetune.twin && config.federation.correction == Correction::kScaffold) {
    throw InputError(key + ".twin: found true with federation.correction scaffold; a client stores variates of one model");
  }
  if (finetune.twin && config.federation.local.selective) {
    throw InputError(key + ".twin: found true with federation.local.selective; a client stores the loss of one model");
  }
  if (changes_mask(finetune.dynamics)) check_dynamics(finetune, config, cut, pattern, key);
  if (finetune.distill && (!cut || finetune.twin)) {
    throw InputError(key + (cut ? ".distill: found with twin, which trains the teacher on; expected one of them"
                                : ".distill: found no dense model to learn from; expected a prune stage before it"));
  }
  if (std::holds_alternative<LoraConfig>(finetune.adapter)) {
    const char* other = keeps_shadows(finetune.sparse)                                  ? "sparse, which trains the weights"
                        : changes_mask(finetune.dynamics)                               ? "dynamics, which trains the weights"
                        : config.federation.correction == Correction::kScaffold ? "federation.correction scaffold" : nullptr;
    if (other != nullptr) throw InputError(key + ".adapter: found lora with " + other + "; expected one of them");
  }
  if (!keeps_shadows(finetune.sparse)) return;
  const std::string sparse = key + ".sparse: found " + kind_of(finetune.sparse);
  if (!cut || pattern.kind == Pattern::Kind::kChannels) {
    throw InputError(sparse + (cut ? " after a cut of channels, of which nothing is left to train" : " without a mask") +
                     "; expected a prune stage with pattern N:M, RxC or unstructured before it");
  }
  if (config.federation.correction == Correction::kScaffold) {
    throw InputError(sparse + " with federation.correction scaffold, whose variates follow a fixed mask; expected none");
  }
  if (!std::holds_alternative<ZeroFlConfig>(finetune.sparse)) return;
  if (pattern.kind != Pattern::Kind::kUnstructured) {
    throw InputError(sparse + " with pattern " + to_string(pattern) + "; clients take the largest weights of a matrix, expected unstructured");
  }
  if (config.federation.aggregation.index() != 0) {
    throw InputError(sparse + " with federation.aggregation " + kind_of(config.federation.aggregation) + "; expected mean");
  }
}

}  // namespace

void RunSettings::visit(FieldVisitor& v) {
  v.field("name", name, "name of the run");
  v.field("seed", seed, "seed of everything random", at_least(0));
  v.field("out", out, "folder to write to; empty = runs/<name>-<digest of the config>");
  v.field("ranks", ranks, "local ranks (threads) where the program was not started by mpirun", within(1, 1024));
  v.field("regions", regions, "groups of neighbouring ranks that add up their clients' sums before the coordinator does; 1 = none",
          within(1, 1024));
  v.field("checkpoint_every", checkpoint_every, "committed steps between checkpoints", at_least(1));
  v.choice("determinism", determinism, {"warn", "strict"},
           "what a resume does on another program, CPU or thread count");
}

void DataSettings::visit(FieldVisitor& v) {
  v.variant("source", source, "where examples come from");
  v.variant("partition", partition, "how examples are dealt to clients");
  v.group("holdout", holdout, "examples each client keeps apart to choose by");
  v.field("test_clients", test_clients, "parts of the test set, shared by the ranks", at_least(1));
  v.field("contract", contract,
          "a data contract (JSON) that all data is checked against at the start; empty = the contract.json beside shards, if any");
  v.field("label_counts", label_counts,
          "write into data.json how many examples of each class a client has: private information in a real federation");
  v.list("augment", augment, "what is done to images that are trained on, in this order");
}

void RunConfig::visit(FieldVisitor& v) {
  v.group("run", run, "the run itself");
  v.variant("model", model, "what is trained");
  v.group("data", data, "what it is trained on");
  v.group("federation", federation, "how a round of training is done");
  v.list("stages", stages, "what is done, in order");
}

std::string config_digest(const RunConfig& config) {
  RunConfig essential = config;
  essential.run.out.clear();
  essential.run.ranks = 1;
  essential.run.regions = 1;
  essential.run.checkpoint_every = 1;
  essential.run.determinism = Determinism::kWarn;
  essential.federation.local.recompute = false;
  essential.data.label_counts = false;
  essential.data.contract.clear();  // what it says stands in data.json
  if (auto* shards = std::get_if<ShardSource>(&essential.data.source)) shards->resident_mib = ShardSource{}.resident_mib;
  return digest_of(write_config(essential)).hex();
}

std::string output_folder(const RunConfig& config) {
  return config.run.out.empty() ? "runs/" + config.run.name + "-" + config_digest(config).substr(0, 12) : config.run.out;
}

void check_settings(const RunConfig& config, const std::string& file) {
  if (config.stages.empty()) throw InputError(file + ": stages: found none; expected at least one");
  check_federation(config.federation, file);
  bool scored = false;
  bool cut = false;
  Pattern pattern{Pattern::Kind::kUnstructured};
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const StageConfig& stage = config.stages[i];
    if (std::holds_alternative<PretrainConfig>(stage) && i > 0) {
      throw InputError(where(file, i, "pretrain") + ": found behind another stage; expected to be the first, before clients see the model");
    }
    if (const auto* score = std::get_if<ScoreConfig>(&stage)) {
      check_score(*score, scores_weights(config, i), where(file, i, "score"));
      scored = true;
    }
    if (const auto* prune = std::get_if<PruneConfig>(&stage)) {
      if (cut) throw InputError(where(file, i, "prune") + ": found a second cut; expected one a run");
      check_prune(*prune, scored, where(file, i, "prune"));
      pattern = make_pattern(prune->pattern);
      cut = true;
    }
    if (const auto* own = std::get_if<Custom<Stage>>(&stage); own != nullptr && (*own)->leaves_mask()) cut = true;
    if (std::holds_alternative<BnSelectionConfig>(stage)) cut = true;
    if (const auto* finetune = std::get_if<FinetuneConfig>(&stage)) {
      check_finetune(*finetune, config, cut, pattern, where(file, i, "finetune"));
    }
    if (std::holds_alternative<ExportConfig>(stage) && i + 1 != config.stages.size()) {
      throw InputError(where(file, i, "export") + ": expected to be the last stage");
    }
  }
}

}  // namespace coppice
