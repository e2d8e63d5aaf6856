#include "coordinator/run_recorder.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/file.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMostMetricsBytes = std::uint64_t{1} << 32;

std::vector<RoundRecord> read_records(const std::string& folder) {
  const std::string path = folder + "/metrics.jsonl";
  if (!std::filesystem::exists(path)) return {};
  return parse_rounds(read_text_file(path, kMostMetricsBytes), path);
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double number_or(const StepRecord& record, const std::string& name, double otherwise) {
  const auto found = record.numbers.find(name);
  return found == record.numbers.end() ? otherwise : found->second;
}

std::optional<EvalFigures> figures(const StepRecord& record, const std::string& prefix) {
  EvalFigures eval;
  for (const auto& [name, value] : record.numbers) {
    if (name.starts_with(prefix)) eval[name.substr(prefix.size())] = value;
  }
  return eval.empty() ? std::nullopt : std::optional(eval);
}

std::string note_of(const StepRecord& record) {
  std::string note;
  const auto append = [&note, &record](const char* name, const char* label, double scale, const char* format) {
    const auto found = record.numbers.find(name);
    if (found == record.numbers.end()) return;
    char text[64];
    std::snprintf(text, sizeof(text), format, scale * found->second);
    note += (note.empty() ? "" : ", ") + std::string(label) + " " + text;
  };
  append("train_loss", "loss", 1.0, "%.3f");
  append("eval/accuracy", "test accuracy", 100.0, "%.2f %%");
  append("eval_twin/accuracy", "dense twin", 100.0, "%.2f %%");
  append("select_loss", "held-out loss", 1.0, "%.3f");
  append("sparse/flip_rate", "flips", 100.0, "%.2f %%");
  append("density", "density", 1.0, "%.3f");
  return note;
}

// Which tenths an evaluation is the first to reach.
void note_accuracies(const EvalFigures& eval, double clock, std::map<std::string, double>& first) {
  const auto accuracy = eval.find("accuracy");
  if (accuracy == eval.end()) return;
  for (int tenth = 1; tenth < 10 && accuracy->second >= tenth / 10.0; ++tenth) first.try_emplace("0." + std::to_string(tenth), clock);
}

}  // namespace

RunRecorder::RunRecorder(const std::string& folder, const State& state, Progress& progress)
    : progress_(progress), report_(folder, state.steps_done), events_(folder, seconds_since_1970()) {
  events_.add(read_records(folder));
}

void RunRecorder::on_stage(const Method& stage, const State& state) {
  const std::int64_t done = stage.rounds_done(state);
  progress_.begin_stage(stage.name(), stage.total_steps(), done);
}

RoundRecord record_of(const Method& stage, const State& state, const StepRecord& record, const StepCost& cost) {
  RoundRecord line;
  line.step = state.steps_done;
  line.stage = stage.name();
  line.round = record.round;
  line.seconds = cost.seconds;
  line.clients = static_cast<std::int64_t>(number_or(record, "clients", 0.0));
  line.declined = static_cast<std::int64_t>(number_or(record, "declined", 0.0));
  line.train_loss = number_or(record, "train_loss", kNoFigure);
  line.train_accuracy = number_or(record, "train_accuracy", kNoFigure);
  line.eval = figures(record, "eval/");
  line.eval_twin = figures(record, "eval_twin/");
  line.bytes_down = cost.bytes_down;
  line.bytes_up = cost.bytes_up;
  if (cost.live_bytes > 0.0) {
    line.client_flops = cost.flops;
    line.client_live_bytes = cost.live_bytes;
    line.client_peak_bytes = cost.peak_bytes;
  }
  if (cost.own_flops > 0.0) line.coordinator_flops = cost.own_flops;
  line.sparse = figures(record, "sparse/").value_or(EvalFigures{});
  line.phases = cost.phases;
  if (cost.virtual_seconds > 0.0 || cost.too_small + cost.unreachable > 0.0) {
    const VirtualCost total = virtual_total(state);
    line.devices = {{"seconds", cost.virtual_seconds}, {"joules", cost.joules},           {"clock", total.seconds},
                    {"too_small", cost.too_small},     {"unreachable", cost.unreachable}};
  }
  line.levels = cost.levels;
  line.warnings = record.warnings;
  const Track& main = state.track(kMainTrack);
  line.density = main.cut ? main.cut->density() : main.mask ? main.mask->density() : 1.0;
  return line;
}

void RunRecorder::on_step(const Method& stage, const State& state, const StepRecord& record, const StepCost& cost) {
  const RoundRecord line = record_of(stage, state, record, cost);
  report_.append(nlohmann::json::parse(to_json_line(line)));
  events_.add(line);
  for (const std::string& warning : record.warnings) progress_.say(stage.name() + ": warning: " + warning);
  for (const std::string& remark : record.remarks) progress_.say(stage.name() + ": " + remark);
  if (record.counts_as_round) {
    progress_.advance(note_of(record));
  } else {
    progress_.say(stage.name() + " round " + std::to_string(record.round + 1) + ": " + note_of(record));
  }
  if (stage.done(state)) progress_.end_stage();
}

RoundTotals totals_of_rounds(const std::string& folder) {
  RoundTotals totals;
  double flops = 0.0, clients = 0.0, clock = 0.0;
  for (const RoundRecord& record : read_records(folder)) {
    totals.seconds[record.stage] += record.seconds;
    for (const auto& [level, bytes] : record.levels) totals.level_bytes[level] += bytes;
    if (const auto now = record.devices.find("clock"); now != record.devices.end()) clock = now->second;
    if (record.eval && clock > 0.0) note_accuracies(*record.eval, clock, totals.time_to_accuracy);
    if (!std::isfinite(record.client_live_bytes)) continue;
    flops += record.client_flops * static_cast<double>(record.clients);
    clients += static_cast<double>(record.clients);
    totals.client.live_bytes = std::fmax(totals.client.live_bytes, record.client_live_bytes);
    totals.client.peak_bytes = std::fmax(totals.client.peak_bytes, record.client_peak_bytes);
  }
  if (clients > 0.0) totals.client.flops = flops / clients;
  return totals;
}

}  // namespace coppice
