// Runs, checks, and what a run left behind.
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <ATen/Parallel.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "algorithms/importance/graph_importance.h"
#include "comm/mpi/launcher.h"
#include "comm/mpi/mpi_environment.h"
#include "coordinator/checkpoint.h"
#include "coordinator/run_recorder.h"
#include "core/allocator.h"
#include "core/file.h"
#include "models/model.h"
#include "python/callbacks.h"
#include "python/object_tree.h"
#include "python/python_method.h"
#include "python/states.h"
#include "python/tensor_source.h"
#include "python/tensors.h"
#include "simulations/commands/launch.h"
#include "simulations/commands/named_source.h"
#include "simulations/prune_config.h"
#include "simulations/run_forecast.h"

namespace coppice {
namespace {

// One thread a rank, as the program has it: other numbers give other bits. Afterwards the interpreter has its own number again.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

class PythonObserver final : public Observer {
 public:
  PythonObserver(nb::object call, std::shared_ptr<Callbacks> callbacks) : call_(shared_object(std::move(call))), callbacks_(std::move(callbacks)) {}

  void on_step(const Method& stage, const State& state, const StepRecord& record, const StepCost& cost) override {
    const std::string line = to_json_line(record_of(stage, state, record, cost));
    callbacks_->call("an observer", [&] {
      (*call_)(record.round, stage.name(), nb::module_::import_("json").attr("loads")(line));
      return 0;
    });
  }

 private:
  std::shared_ptr<nb::object> call_;
  std::shared_ptr<Callbacks> callbacks_;
};

// A config, and the name that stands for its file in errors.
struct NamedConfig {
  RunConfig config;
  std::string name;
  Extensions extensions;
  std::shared_ptr<Callbacks> callbacks = std::make_shared<Callbacks>();
};

NamedConfig read(const nb::object& config, const std::vector<std::string>& overrides, const std::optional<std::string>& out,
                 const nb::list& methods) {
  NamedConfig named;
  named.extensions.add<GraphImportance>("graph");  // as the program has it
  for (const nb::handle method : methods) {
    named.extensions.add(nb::cast<std::string>(method.attr("name")), PythonStage(nb::borrow(method), named.callbacks));
  }
  const bool is_dict = nb::isinstance<nb::dict>(config);
  named.name = is_dict ? "config" : nb::cast<std::string>(nb::str(config));
  ConfigNode root = is_dict ? tree_of(config, named.name) : read_settings(named.name);
  for (const std::string& one : overrides) apply_override(root, one);
  read_tree(root, [&named](FieldVisitor& v) { named.config.visit(v); }, named.extensions);
  if (out) named.config.run.out = *out;
  return named;
}

// MPI lives as long as the interpreter: it cannot be initialised twice. A rank that fails alone must not leave the others waiting.
class MpiOfThisProcess {
 public:
  void begin() {
    if (launched_by_mpirun() && !environment_) environment_.emplace();
  }
  void end() { environment_.reset(); }
  [[noreturn]] void abort(const std::exception& error) {
    std::fprintf(stderr, "coppice: %s\n", error.what());
    const auto* known = dynamic_cast<const Error*>(&error);
    abort_all(static_cast<int>(known != nullptr ? known->exit_code() : ExitCode::kDefect));
  }
  bool active() const { return environment_.has_value(); }

 private:
  std::optional<MpiEnvironment> environment_;
};

MpiOfThisProcess& mpi() {
  static MpiOfThisProcess process;
  return process;
}

// The folder the run wrote to; nothing on other ranks than the first.
std::optional<std::string> carry_out(const NamedConfig& named, SessionOptions options) {
  const std::string out = output_folder(named.config);
  options.config_file = named.name;
  options.extensions = named.extensions;
  int code = 0;
  bool serves = false;
  {
    const nb::gil_scoped_release others_may_run;
    pin_allocator();
    const OneThread threads;
    mpi().begin();
    try {
      code = launch(named.config, options);
      serves = launched_rank() > 0;
    } catch (const Stopped&) {
      const nb::gil_scoped_acquire gil;
      named.callbacks->rethrow();
      throw;
    } catch (const std::exception& error) {
      if (mpi().active()) mpi().abort(error);
      throw;
    }
  }
  if (code == static_cast<int>(ExitCode::kStopped)) throw Stopped("stopped after a committed round; go on with " + options.command);
  if (code != 0) throw InputError("the first rank refused the run");
  return serves ? std::nullopt : std::optional(out);
}

std::optional<std::string> run_here(const nb::object& config, const std::vector<std::string>& overrides, const std::optional<std::string>& out,
                               const std::string& resume, const nb::list& methods, const nb::list& observers) {
  const NamedConfig named = read(config, overrides, out, methods);
  SessionOptions options;
  options.resume = resume == "always" ? Resume::kAlways : resume == "auto" ? Resume::kAuto : Resume::kNever;
  options.command = "coppice.run(..., out=\"" + output_folder(named.config) + "\", resume=\"auto\")";
  std::vector<PythonObserver> told;
  for (const nb::handle observer : observers) told.emplace_back(nb::borrow(observer), named.callbacks);
  for (PythonObserver& observer : told) options.observers.push_back(&observer);
  return carry_out(named, std::move(options));
}

// `data`: a name (of a .csv file with its targets), or a pair of tensors.
void prune(const std::string& model, const nb::object& data, const std::vector<std::string>& targets, const std::string& task, const std::string& out, double keep, const std::string& pattern,
           const std::vector<std::string>& units, std::int64_t seed) {
  NamedConfig named;
  named.name = "coppice.prune";
  NamedSource source{.name = "tensors", .targets = targets, .task = task};
  if (nb::isinstance<nb::tuple>(data)) {
    named.extensions.add(source.name, TensorSource(tensor_of(data[nb::int_(0)], "data: inputs"), tensor_of(data[nb::int_(1)], "data: classes")));
  } else {
    source.name = nb::cast<std::string>(data);
  }
  named.config = prune_config({model, source_of(source, named.extensions), out, keep, pattern, units, seed});
  SessionOptions options;
  options.command = "another out=";
  carry_out(named, std::move(options));
}

nb::dict cost_of(const ForeseenRound& round) {
  nb::dict cost;
  cost["stage"] = round.stage;
  cost["rounds"] = round.rounds;
  cost["bytes_down"] = round.bytes_down;
  cost["bytes_up"] = round.bytes.payload;
  cost["flops"] = round.flops;
  cost["weights_bytes"] = round.bytes.parameters;
  cost["gradients_bytes"] = round.bytes.gradients;
  cost["moments_bytes"] = round.bytes.moments;
  cost["live_bytes"] = round.bytes.sum();
  cost["one_matrix_dense_bytes"] = round.bytes.scratch;
  return cost;
}

nb::dict check(const nb::object& config, const std::vector<std::string>& overrides, int ranks, const nb::list& methods) {
  const NamedConfig named = read(config, overrides, std::nullopt, methods);
  const RunForecast forecast = [&] {
    const nb::gil_scoped_release others_may_run;
    const OneThread threads;
    return forecast_run(named.config, RunChecker().check(named.config, ranks, named.name));
  }();
  nb::dict data, memory, budget;
  for (const MemoryPart& part : forecast.memory.parts) memory[part.what.c_str()] = part.bytes;
  for (const auto& [what, figure] : forecast.budget) budget[what.c_str()] = figure;
  nb::list rounds;
  for (const ForeseenRound& round : forecast.foreseen) rounds.append(cost_of(round));
  data["model"] = forecast.model;
  data["parameters"] = forecast.parameters;
  data["flops"] = forecast.flops;
  data["clients"] = forecast.clients;
  data["samples"] = forecast.samples;
  data["budget"] = budget;
  data["rounds"] = forecast.rounds;
  data["samples_trained"] = forecast.samples_trained;
  data["stages"] = rounds;
  data["training_flops"] = forecast.training_flops;
  data["memory_when"] = forecast.memory.when;
  data["memory"] = memory;
  data["memory_bytes"] = forecast.memory.bytes();
  data["out"] = forecast.out;
  data["text"] = forecast.text();
  return data;
}

// The checkpoint says itself which config it belongs to.
StateLease read_state(const std::string& folder) {
  const std::string checkpoint = folder + "/checkpoint", manifest = checkpoint + "/manifest.json";
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;
  const auto said = nlohmann::json::parse(read_text_file(manifest, kMostBytes), nullptr, false);
  if (!said.is_object() || !said.contains("config_digest")) throw InputError(manifest + ": is no checkpoint's manifest");
  std::string differences;  // of the program that wrote it; nothing is computed here
  auto state = std::make_shared<State>(Checkpoint(checkpoint, said["config_digest"], {}).load(differences));
  return std::make_shared<Lease<State>>(std::move(state));
}

// Of single weights, or of units in the uncut model's tensors.
nb::object masks_of(const StateLease& state) {
  const Track& main = state->get().track(kMainTrack);
  if (main.cut) return kept_weights(*main.cut, state->get().track(kDenseTrack).values->base.layout());
  return main.mask ? nb::object(kept_weights(*main.mask, main.values->base.layout())) : nb::object(nb::dict());
}

nb::object settings(const std::string& file) { return object_of(read_settings(file)); }

}  // namespace

void bind_runs(nb::module_& m) {
  m.def("run", &run_here, nb::arg("config"), nb::arg("overrides"), nb::arg("out").none(), nb::arg("resume"), nb::arg("methods"),
        nb::arg("observers"));
  m.def("prune", &prune, nb::arg("model"), nb::arg("data"), nb::arg("targets"), nb::arg("task"), nb::arg("out"), nb::arg("keep"), nb::arg("pattern"), nb::arg("units"),
        nb::arg("seed"));
  m.def("check", &check, nb::arg("config"), nb::arg("overrides"), nb::arg("ranks"), nb::arg("methods"));
  m.def("read_state", &read_state, nb::arg("folder"));
  m.def("masks_of", &masks_of, nb::arg("state"), nb::sig("def masks_of(state: State) -> dict[str, torch.Tensor]"));
  m.def("settings", &settings, nb::arg("file"), nb::sig("def settings(file: str) -> dict[str, typing.Any]"));
  m.def("finish", [] { mpi().end(); }, "Leaves MPI; at the interpreter's exit.");
}

}  // namespace coppice
