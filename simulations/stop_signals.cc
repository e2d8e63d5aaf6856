#include "simulations/stop_signals.h"

#include <atomic>

namespace coppice {
namespace {

constexpr std::array kSignals = {SIGTERM, SIGINT, SIGUSR1};

std::atomic<int> stop_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);

}  // namespace

StopSignals::StopSignals() {
  stop_signal = 0;
  struct sigaction ask = {};
  ask.sa_handler = [](int number) { stop_signal = number; };
  ask.sa_flags = SA_RESTART;
  sigemptyset(&ask.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &ask, &before_[i]);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

bool StopSignals::asked() const { return stop_signal != 0; }

}  // namespace coppice
