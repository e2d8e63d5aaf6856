#include "simulations/session.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "client/worker.h"
#include "comm/mpi/launcher.h"
#include "coordinator/checkpoint.h"
#include "coordinator/export.h"
#include "coordinator/report/closing_table.h"
#include "coordinator/report/html_report.h"
#include "coordinator/run.h"
#include "coordinator/run_recorder.h"
#include "coordinator/summary.h"
#include "core/allocator.h"
#include "core/config_yaml.h"
#include "core/error.h"
#include "core/file.h"
#include "core/process_memory.h"
#include "models/model.h"
#include "simulations/budget_text.h"
#include "simulations/data_check.h"
#include "simulations/latency_budget.h"
#include "simulations/memory_forecast.h"
#include "simulations/public_data.h"
#include "simulations/ranked_backend.h"
#include "simulations/scenario.h"
#include "simulations/stop_signals.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

std::string pattern_of(const RunConfig& config) {
  for (const StageConfig& stage : config.stages) {
    if (const auto* prune = std::get_if<PruneConfig>(&stage)) return to_string(make_pattern(prune->pattern));
    if (std::holds_alternative<BnSelectionConfig>(stage)) return "unstructured";
    if (const auto* own = std::get_if<Custom<Stage>>(&stage); own != nullptr && (*own)->leaves_mask()) return own->name();
  }
  return "";
}

RunFacts facts_of(const RunConfig& config, const ScenarioData& data, const Fingerprint& fingerprint, int ranks) {
  RunFacts facts;
  facts.name = config.run.name;
  facts.seed = config.run.seed;
  facts.config_digest = config_digest(config);
  facts.fingerprint = {{"binary", fingerprint.binary},
                       {"instruction_set", fingerprint.instruction_set},
                       {"device", fingerprint.device},
                       {"threads", std::to_string(fingerprint.threads)}};
  facts.data.name = kind_of(config.data.source);
  facts.data.note = data.note;
  facts.data.clients = data.clients->clients.train.num_clients();
  facts.data.classes = data.clients->train->class_names();
  facts.pattern = pattern_of(config);
  if (const auto* folder = std::get_if<ModelFolderConfig>(&config.model)) facts.model_folder = folder->path;
  facts.sample_shape = data.clients->train->spec().shape;
  facts.mean = data.clients->train->spec().mean;
  facts.scale = data.clients->train->spec().scale;
  facts.loss = data.loss;
  facts.ranks = ranks;
  return facts;
}

// Rank 0's side: everything that is decided, written or shown.
class Coordinator {
 public:
  Coordinator(const RunConfig& config, const SessionOptions& options, const ScenarioData& data, const Population& population,
              DataManifest manifest, Communicator& comm)
      : config_(config),
        options_(options),
        data_(data),
        population_(population),
        manifest_(std::move(manifest)),
        comm_(comm),
        out_(output_folder(config)),
        fingerprint_(fingerprint_of_this_process()),
        checkpoint_(out_ + "/checkpoint", config_digest(config), fingerprint_) {}

  // Everything that can be refused is refused here, before anything is computed or overwritten.
  void prepare() {
    State fresh = first_state(with_own_graph(config_), options_.config_file);
    const auto model = make_model(fresh.track(kMainTrack).values->config);
    check_model_fits(*model, data_.clients->train->spec(), options_.config_file);
    check_scenario(config_, data_, *model, comm_.size(), options_.config_file);
    public_ = load_public_data(config_, data_, *model, options_.config_file);
    check_memory(config_, data_, *fresh.track(kMainTrack).values, launched_by_mpirun() ? 1 : comm_.size(), options_.config_file);
    lock_.emplace(out_);
    if (options_.resume == Resume::kAlways && !checkpoint_.exists()) {
      throw InputError("--resume: found no checkpoint in '" + out_ + "'; expected one (or --resume=auto)");
    }
    if (options_.resume == Resume::kNever && (checkpoint_.exists() || fs::exists(out_ + "/summary.json"))) {
      throw InputError("'" + out_ + "' already holds a run; pass --resume=auto to go on with it, or another --out");
    }
    config_ = with_latencies(std::move(config_), *model, data_.clients->train->spec().shape, out_, checkpoint_.exists(), options_.config_file);
    stages_ = make_stages(config_, population_, data_.loss);
    for (const StageConfig& stage : config_.stages) {
      const auto* prune = std::get_if<PruneConfig>(&stage);
      if (prune != nullptr && make_pattern(prune->pattern).kind == Pattern::Kind::kChannels && !checkpoint_.exists()) {
        progress_.say("prune: " + budget_line(*model, prune->budget));
      }
    }
    if (!checkpoint_.exists()) keep_graph();
    state_ = checkpoint_.exists() ? resumed() : std::move(fresh);
    identify_data();
    identify_public_data();
    write_file_atomically(out_ + "/config.yaml", write_config(config_));
    if (Checkpoint::would_move(state_)) checkpoint_.save(state_);
    trim_heap();
  }

  int run(RankedBackend& backend) {
    StopSignals signals;
    RunRecorder recorder(out_, state_, progress_);
    Ledger ledger(population_.devices);
    std::int64_t since_save = 0;
    RunHooks hooks;
    hooks.commit = [&](State& state, bool stage_done) {
      since_save += 1;
      if (stage_done || signals.asked() || since_save >= config_.run.checkpoint_every) {
        checkpoint_.save(state);
        since_save = 0;
      }
    };
    hooks.interrupted = [&signals] { return signals.asked(); };
    std::vector<Observer*> observers = {&recorder};
    observers.insert(observers.end(), options_.observers.begin(), options_.observers.end());
    std::optional<CoordinatorBackend> with_own;
    if (public_) with_own.emplace(public_, out_, backend);
    const bool done = coppice::run(stages_, state_, with_own ? static_cast<Backend&>(*with_own) : backend, ledger, observers, hooks);
    if (!done) {
      progress_.say("stopped after a committed round; go on with: " + options_.command);
      return static_cast<int>(ExitCode::kStopped);
    }
    finish();
    return static_cast<int>(ExitCode::kDone);
  }

 private:
  // A run keeps the file that its graph came from, so that going on needs nothing from outside.
  std::string own_graph() const { return out_ + "/graph.pt2"; }
  RunConfig with_own_graph(RunConfig config) const {
    auto* graph = std::get_if<GraphConfig>(&config.model);
    if (graph != nullptr && checkpoint_.exists() && fs::exists(own_graph())) graph->path = own_graph();
    return config;
  }
  void keep_graph() const {
    const auto* graph = std::get_if<GraphConfig>(&config_.model);
    if (graph == nullptr) return;
    const MappedFile file(graph->path);
    write_file_atomically(own_graph(), std::array{file.bytes()});
  }

  // A run remembers the digest of its data, and data.json what each client had.
  void identify_data() {
    const std::string file = out_ + "/data.json";
    std::string& digest = state_.texts["data"];
    if (!digest.empty()) check_unchanged(file, digest, manifest_);
    digest = manifest_.digest().hex();
    write_file_atomically(file, to_json(manifest_));
  }

  void identify_public_data() {
    if (!public_) return;
    std::string& digest = state_.texts["public data"];
    const Digest now = public_digest(*public_);
    if (!digest.empty() && digest != now.hex()) {
      throw InputError(out_ + ": the public data changed since the run began: digest " + now.short_hex() + ", expected " + digest.substr(0, 12) +
                       "; go on with the data as it was, or choose another --out");
    }
    digest = now.hex();
    progress_.say(PretrainConfig::kName + (": " + public_text()));
  }
  std::string public_text() const {
    return std::to_string(public_->samples(Split::kTrain, 0).size()) + " public examples of " +
           kind_of(std::get<PretrainConfig>(config_.stages.front()).source);
  }

  State resumed() {
    std::string differences;
    State state = checkpoint_.load(differences);
    if (!differences.empty()) {
      const std::string text = "resuming on other terms (" + differences + "): the bits may differ from an uninterrupted run's";
      if (config_.run.determinism == Determinism::kStrict) throw InputError("run.determinism is strict; " + text);
      progress_.say("warning: " + text);
    }
    return state;
  }

  void finish() {
    if (state_.numbers.lower_bound("final/") == state_.numbers.end() ||
        !state_.numbers.lower_bound("final/")->first.starts_with("final/")) {
      progress_.say("done; no export stage, so there is no closing table");
      return;
    }
    RunFacts facts = facts_of(config_, data_, fingerprint_, comm_.size());
    if (public_) facts.data.note += (facts.data.note.empty() ? "" : "; ") + ("trained before by the coordinator on " + public_text());
    RoundTotals totals = totals_of_rounds(out_);
    facts.seconds = std::move(totals.seconds);
    facts.client = totals.client;
    facts.devices = population_.devices;
    facts.time_to_accuracy = std::move(totals.time_to_accuracy);
    facts.level_bytes = std::move(totals.level_bytes);
    facts.peak_memory_bytes = static_cast<std::int64_t>(peak_rss_bytes());
    const RunSummary summary = export_run(state_, facts, out_);
    const std::string report = write_html_report(out_);
    std::fputs(closing_table(summary, report).c_str(), stdout);
    std::fflush(stdout);
  }

  RunConfig config_;
  const SessionOptions& options_;
  const ScenarioData& data_;
  const Population& population_;
  std::shared_ptr<const ClientData> public_;  // of the coordinator; null: it trains on nothing
  DataManifest manifest_;
  Communicator& comm_;
  std::string out_;
  Fingerprint fingerprint_;
  Checkpoint checkpoint_;
  std::vector<std::unique_ptr<Method>> stages_;
  std::optional<FolderLock> lock_;
  State state_;
  Progress progress_;
};

// Whether rank 0 is ready: the others wait for this word before they serve.
bool agree(Communicator& comm, bool ready) {
  std::byte word{static_cast<unsigned char>(ready ? 1 : 0)};
  comm.broadcast(std::span(&word, 1), 0);
  return word != std::byte{0};
}

// From a handler on rank 0: the others leave before the exception goes on.
[[noreturn]] void refuse_together(Communicator& comm) {
  agree(comm, false);
  try {
    throw;
  } catch (const InputError& error) {
    throw JointRefusal(error.what());
  }
}

}  // namespace

int run_session(const RunConfig& config, const SessionOptions& options, Communicator& comm) {
  check_settings(config, options.config_file);
  const DataFindings findings = look_at_data(config, comm.rank(), comm.size());
  const JointData joint(comm, findings);
  std::optional<DataManifest> manifest;
  if (comm.rank() == 0) {
    try {
      manifest = joint.on_rank_0();
    } catch (...) {
      refuse_together(comm);
    }
  }
  if (!findings.failure.empty()) {  // not rank 0, which has the line
    agree(comm, false);
    return static_cast<int>(ExitCode::kBadInput);
  }
  const ScenarioData& data = findings.data;
  const Population population = population_of(config, data);
  Worker worker(data.clients, ClientStore(output_folder(config) + "/clients"));
  RankedBackend backend(comm, worker, population, output_folder(config),
                        {.regions = static_cast<int>(config.run.regions), .extensions = options.extensions});
  if (comm.rank() != 0) {
    // The launcher forwards signals to every process; rank 0 decides what they mean.
    std::optional<StopSignals> ignored;
    if (launched_by_mpirun()) ignored.emplace();
    if (!agree(comm, true)) return static_cast<int>(ExitCode::kBadInput);
    backend.serve();
    return 0;
  }
  Coordinator coordinator(config, options, data, population, std::move(*manifest), comm);
  try {
    coordinator.prepare();
  } catch (...) {
    refuse_together(comm);
  }
  agree(comm, true);
  try {
    const int code = coordinator.run(backend);
    backend.release_ranks();
    return code;
  } catch (const Stopped&) {
    backend.release_ranks();
    throw;
  } catch (const InputError& error) {
    backend.release_ranks();
    throw JointRefusal(error.what());
  }
}

}  // namespace coppice
