// The table behind a budget in latency: measured by the coordinator before a run's first round, kept in its folder as latency.json,
// and an input from then on, so that a resume, or another run that is given the file, decides on the same figures.
#pragma once

#include <string>

#include "algorithms/budget/size.h"
#include "models/model.h"

namespace coppice {

// Every bundle of `config` at some five widths from full to the least allowed, all other families whole, float32, on the
// calling thread's torch threads. Each is measured in turns with the full model (coordinator/latency.h), and is made not to rise as
// the width falls. Takes about a second a bundle of a small model.
LatencyTable measure_latencies(const Model& model, const BudgetConfig& config, const std::vector<std::int64_t>& sample_shape);

std::string to_json(const LatencyTable& table);
// Strict. `where` names the text in messages. Throws InputError.
LatencyTable latency_table_from_json(const std::string& text, const std::string& where);

}  // namespace coppice
