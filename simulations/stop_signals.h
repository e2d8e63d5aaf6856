// While it lives, SIGTERM, SIGINT and SIGUSR1 ask for a stop at the next point that a resume goes on from; afterwards they do what they
// did before. One at a time.
#pragma once

#include <csignal>

#include <array>

namespace coppice {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool asked() const;

 private:
  std::array<struct sigaction, 3> before_;
};

}  // namespace coppice
