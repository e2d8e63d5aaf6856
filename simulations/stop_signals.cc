#include "simulations/stop_signals.h"

#include <atomic>
#include <csignal>

namespace coppice {
namespace {

std::atomic<int> stop_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);

}  // namespace

StopSignals::StopSignals() {
  stop_signal = 0;
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) std::signal(number, [](int n) { stop_signal = n; });
}

StopSignals::~StopSignals() {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) std::signal(number, SIG_DFL);
}

bool StopSignals::asked() const { return stop_signal != 0; }

}  // namespace coppice
