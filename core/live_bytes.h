// How much working memory this thread has taken and not given back: tensors (models/counted_tensors.h) and pages (core/pages.h). Of a
// thread, because ranks may be threads of one process, and each counts for itself.
#pragma once

#include <cstdint>

namespace coppice {

void count_live_bytes(std::int64_t bytes);  // taken; negative: given back

std::int64_t live_bytes();
// The most since the last call, on this thread.
std::int64_t take_live_peak();

}  // namespace coppice
