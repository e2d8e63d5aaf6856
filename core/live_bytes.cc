#include "core/live_bytes.h"

#include <algorithm>
#include <utility>

namespace coppice {
namespace {

thread_local std::int64_t live = 0;
thread_local std::int64_t largest = 0;

}  // namespace

void count_live_bytes(std::int64_t bytes) {
  live += bytes;
  largest = std::max(largest, live);
}

std::int64_t live_bytes() { return live; }

std::int64_t take_live_peak() { return std::exchange(largest, live); }

}  // namespace coppice
