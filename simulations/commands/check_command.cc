#include <algorithm>
#include <cstdio>
#include <memory>

#include "core/config_yaml.h"
#include "core/human_text.h"
#include "core/text_table.h"
#include "models/model.h"
#include "models/model_ports.h"
#include "simulations/budget_text.h"
#include "simulations/checked_run.h"
#include "simulations/commands/commands.h"
#include "simulations/foreseen_rounds.h"
#include "simulations/memory_forecast.h"
#include "simulations/scenario.h"

namespace coppice {
namespace {

struct CheckArguments {
  std::string config;
  std::vector<std::string> overrides;
  int ranks = 1;
};

bool cuts_units(const PruneConfig& prune) { return make_pattern(prune.pattern).kind == Pattern::Kind::kChannels; }

void print_costs(const RunConfig& config, const ScenarioData& data, const Model& model) {
  const Population population = population_of(config, data);
  const Cost cost = model.cost(model.structure().full_widths());
  // A language model's cost is that of a token, and a sample of a text has many.
  const bool tokens = ports_of(model.config()).input == ModelPorts::Input::kTokens;
  const double macs = static_cast<double>(cost.macs) * (tokens ? static_cast<double>(data.clients->train->spec().shape[0]) : 1.0);
  TextTable table({"what", "figure"});
  table.add_row({"model", family_of(model.config())});
  table.add_row({"parameters", std::to_string(cost.params)});
  table.add_row({"FLOPs of one sample, forward", count_text(2.0 * macs)});
  table.add_row({"clients", std::to_string(population.train_samples.size())});
  std::int64_t samples = 0;
  for (const std::int64_t n : population.train_samples) samples += n;
  table.add_row({"training samples", std::to_string(samples)});
  std::int64_t rounds = 0;
  for (std::size_t i = 0; i < config.stages.size(); ++i) {
    const auto* finetune = std::get_if<FinetuneConfig>(&config.stages[i]);
    rounds += rounds_of(config.stages[i]) * (finetune != nullptr && finetune->twin ? 2 : 1);
    if (const auto* prune = std::get_if<PruneConfig>(&config.stages[i]); prune != nullptr && cuts_units(*prune)) {
      for (const auto& [what, figure] : budget_rows(model, prune->budget)) table.add_row({"prune, " + what, figure});
    }
  }
  const double per_round = samples_of_a_round(config, population) * static_cast<double>(config.federation.cohort);
  table.add_row({"training rounds, twins included", std::to_string(rounds)});
  table.add_row({"samples trained on, about", std::to_string(static_cast<std::int64_t>(per_round * static_cast<double>(rounds)))});
  std::fputs(table.text().c_str(), stdout);
}

// Bytes are those of a client that has had the mask; activations, and what is dense while it is worked with, come on top of live ones.
void print_rounds(const RunConfig& config, const ScenarioData& data, const State& state) {
  TextTable table({"a client and round of", "down", "up", "FLOPs, about", "weights", "gradients", "moments", "live bytes", "one matrix, dense"});
  double flops = 0.0;
  for (const ForeseenRound& round : foresee_rounds(config, data, state)) {
    const ClientBytes& bytes = round.bytes;
    table.add_row({round.stage, bytes_text(round.bytes_down), bytes_text(bytes.payload), count_text(round.flops), bytes_text(bytes.parameters),
                   bytes_text(bytes.gradients), bytes_text(bytes.moments), bytes_text(bytes.sum()), bytes_text(bytes.scratch)});
    flops += round.flops * static_cast<double>(round.rounds * config.federation.cohort);
  }
  if (flops == 0.0) return;
  std::printf("%sFLOPs of training, under the mask, about %s\n", table.text().c_str(), count_text(flops).c_str());
}

void print_memory(const RunConfig& config, const ScenarioData& data, const ModelState& values) {
  const auto ranks = static_cast<int>(config.run.ranks);
  const MemoryForecast forecast = forecast_memory(config, data, values, ranks);
  TextTable table({"memory of " + std::string(ranks > 1 ? "all ranks" : "a rank") + ", at least, when it has most: " + forecast.when, "bytes"});
  for (const MemoryPart& part : forecast.parts) table.add_row({part.what, bytes_text(part.bytes)});
  table.add_row({"in all", bytes_text(forecast.bytes())});
  std::fputs(table.text().c_str(), stdout);
}

}  // namespace

void add_check_command(CLI::App& app, const Extensions& extensions, int& code) {
  auto arguments = std::make_shared<CheckArguments>();
  CLI::App* command = app.add_subcommand("check", "Validate a config and print what a run of it costs");
  command->add_option("config", arguments->config, "the config")->required();
  command->add_option("--set", arguments->overrides, "override one setting: a.b=c")->allow_extra_args(false);
  command->add_option("--ranks", arguments->ranks, "ranks it is to run on")->check(CLI::PositiveNumber);
  command->footer("Example:\n  coppice check configs/quickstart.yaml --set federation.cohort=20");
  command->callback([arguments, &extensions, &code] {
    const auto config = read_config<RunConfig>(arguments->config, arguments->overrides, extensions);
    const CheckedRun run = RunChecker().check(config, arguments->ranks, arguments->config);
    print_costs(config, run.data, *run.model);
    print_rounds(config, run.data, run.state);
    print_memory(config, run.data, *run.state.track(kMainTrack).values);
    std::printf("%s is valid; a run writes to %s\n", arguments->config.c_str(), output_folder(config).c_str());
    code = 0;
  });
}

}  // namespace coppice
