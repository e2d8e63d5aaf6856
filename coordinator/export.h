// What a finished run hands over: the model folder, its card, summary.json.
#pragma once

#include <string>

#include "coordinator/summary.h"

namespace coppice {

// Writes `<folder>/model/` (sliced models as they are, masked ones with their zeros and packed beside them; with made-up inputs
// and their logits in verification.safetensors) and
// `<folder>/summary.json`, and returns the summary. Throws Stopped on a full disk.
RunSummary export_run(const State& state, const RunFacts& facts, const std::string& folder);

}  // namespace coppice
