#include "simulations/run_forecast.h"

#include "core/human_text.h"
#include "core/text_table.h"
#include "models/model_ports.h"
#include "simulations/budget_text.h"

namespace coppice {
namespace {

bool cuts_units(const PruneConfig& prune) { return make_pattern(prune.pattern).kind == Pattern::Kind::kChannels; }

std::string costs_text(const RunForecast& forecast) {
  TextTable table({"what", "figure"});
  table.add_row({"model", forecast.model});
  table.add_row({"parameters", std::to_string(forecast.parameters)});
  table.add_row({"FLOPs of one sample, forward", count_text(forecast.flops)});
  table.add_row({"clients", std::to_string(forecast.clients)});
  table.add_row({"training samples", std::to_string(forecast.samples)});
  if (forecast.public_samples > 0) table.add_row({"public samples of the coordinator", std::to_string(forecast.public_samples)});
  for (const auto& [what, figure] : forecast.budget) table.add_row({"prune, " + what, figure});
  table.add_row({"training rounds, twins included", std::to_string(forecast.rounds)});
  table.add_row({"samples trained on, about", std::to_string(forecast.samples_trained)});
  return table.text();
}

// Bytes are those of a client that has had the mask; activations, and what is dense while it is worked with, come on top of live ones.
std::string rounds_text(const RunForecast& forecast) {
  if (forecast.training_flops == 0.0) return "";
  TextTable table({"a client and round of", "down", "up", "FLOPs, about", "weights", "gradients", "moments", "live bytes", "one matrix, dense"});
  for (const ForeseenRound& round : forecast.foreseen) {
    const ClientBytes& bytes = round.bytes;
    table.add_row({round.stage, bytes_text(round.bytes_down), bytes_text(bytes.payload), count_text(round.flops), bytes_text(bytes.parameters),
                   bytes_text(bytes.gradients), bytes_text(bytes.moments), bytes_text(bytes.sum()), bytes_text(bytes.scratch)});
  }
  return table.text() + "FLOPs of training, under the mask, about " + count_text(forecast.training_flops) + "\n";
}

std::string memory_text(const RunForecast& forecast) {
  const std::string whose = forecast.ranks > 1 ? "all ranks" : "a rank";
  TextTable table({"memory of " + whose + ", at least, when it has most: " + forecast.memory.when, "bytes"});
  for (const MemoryPart& part : forecast.memory.parts) table.add_row({part.what, bytes_text(part.bytes)});
  table.add_row({"in all", bytes_text(forecast.memory.bytes())});
  return table.text();
}

}  // namespace

std::string RunForecast::text() const { return costs_text(*this) + rounds_text(*this) + memory_text(*this); }

RunForecast forecast_run(const RunConfig& config, const CheckedRun& checked) {
  const Model& model = *checked.model;
  const ClientData& clients = *checked.data.clients;
  const Population population = population_of(config, checked.data);
  const Cost cost = model.cost(model.structure().full_widths());
  // A language model's cost is that of a token, and a sample of a text has many.
  const bool tokens = ports_of(model.config()).input == ModelPorts::Input::kTokens;
  RunForecast forecast;
  forecast.model = family_of(model.config());
  forecast.parameters = cost.params;
  forecast.flops = 2.0 * static_cast<double>(cost.macs) * (tokens ? static_cast<double>(clients.train->spec().shape[0]) : 1.0);
  forecast.clients = static_cast<std::int64_t>(population.train_samples.size());
  for (const std::int64_t n : population.train_samples) forecast.samples += n;
  if (checked.public_data) forecast.public_samples = std::ssize(checked.public_data->samples(Split::kTrain, 0));
  for (const StageConfig& stage : config.stages) {
    const auto* finetune = std::get_if<FinetuneConfig>(&stage);
    forecast.rounds += rounds_of(stage) * (finetune != nullptr && finetune->twin ? 2 : 1);
    const auto* prune = std::get_if<PruneConfig>(&stage);
    if (prune != nullptr && cuts_units(*prune)) forecast.budget = budget_rows(model, prune->budget);
  }
  const double per_round = samples_of_a_round(config, population) * static_cast<double>(config.federation.cohort);
  forecast.samples_trained = static_cast<std::int64_t>(per_round * static_cast<double>(forecast.rounds));
  forecast.foreseen = foresee_rounds(config, checked.data, checked.state);
  for (const ForeseenRound& round : forecast.foreseen) {
    forecast.training_flops += round.flops * static_cast<double>(round.rounds * config.federation.cohort);
  }
  forecast.ranks = static_cast<int>(config.run.ranks);
  forecast.memory = forecast_memory(config, checked.data, *checked.state.track(kMainTrack).values, forecast.ranks);
  forecast.out = output_folder(config);
  return forecast;
}

}  // namespace coppice
