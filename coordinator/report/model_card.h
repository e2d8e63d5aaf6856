// README.md beside the exported model: what it is, how it was made, what it reaches, what it is not.
#pragma once

#include <string>

#include "coordinator/report/run_summary.h"

namespace coppice {

// Markdown with the front matter that model hubs read. Text from files is escaped for both. States only what the
// summary holds.
std::string model_card(const RunSummary& summary);

}  // namespace coppice
