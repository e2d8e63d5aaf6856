// One line of metrics.jsonl: what one round did. docs/run_folder.md is the schema; this is its only reader and writer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/report/run_summary.h"

namespace coppice {

using EvalFigures = std::map<std::string, double>;  // "loss", "accuracy", and whatever else was measured

struct RoundRecord {
  std::int64_t step = 0;  // counts rounds over all stages; strictly increasing over the file
  std::string stage;
  std::int64_t round = 0;         // within the stage
  double seconds = kNoFigure;     // wall seconds of this round
  std::int64_t clients = 0;       // whose reports were summed
  std::int64_t declined = 0;      // asked, but left out: late, malformed, NaN, out of range
  double train_loss = kNoFigure;  // mean over the samples trained on; absent where nothing was trained
  double train_accuracy = kNoFigure;
  std::optional<EvalFigures> eval;       // of the global model, in the rounds that measured it
  std::optional<EvalFigures> eval_twin;  // of the dense twin
  double bytes_down = 0.0;               // mean of one client of this round
  double bytes_up = 0.0;
  double client_flops = kNoFigure;       // mean of one client of this round; absent where no client worked
  double client_live_bytes = kNoFigure;  // of the client that holds most, by the cost model: activations aside
  double client_peak_bytes = kNoFigure;  // the same measured, activations included
  double coordinator_flops = kNoFigure;  // of its own training; absent where it did none
  double density = 1.0;                  // of the mask in force
  std::map<std::string, double> sparse;  // "flip_rate" and "shadow_norm" of rounds that trained with shadow weights
  std::map<std::string, double> phases;  // phase -> seconds, of rank 0
  // Where devices are known: "seconds" and "joules" of this round, "clock" with all before, "too_small" and "unreachable" clients.
  std::map<std::string, double> devices;
  std::map<std::string, double> levels;  // bytes of partial sums to each level of a hierarchy: "region", "coordinator"
  std::vector<std::string> warnings;
};

// The whole file. A last line without its newline is unfinished, and left out. Throws InputError naming "<file>:<line>"
// and the key.
std::vector<RoundRecord> parse_rounds(std::string_view text, const std::string& file);
std::string to_json_line(
    const RoundRecord& record);  // without a newline; train and eval figures that are absent have no key

}  // namespace coppice
