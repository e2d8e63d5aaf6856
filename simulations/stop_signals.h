// While it lives, SIGTERM, SIGINT and SIGUSR1 ask for a stop at the next point that a resume goes on from. One at a time.
#pragma once

namespace coppice {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool asked() const;
};

}  // namespace coppice
