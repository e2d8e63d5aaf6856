// Where the time goes: named phases, nested, as seconds and counts.
//
//   const auto phase = timer.time("train");      // until the end of the scope
//   { const auto inner = timer.time("backward"); ... }   // listed as "train/backward"
//
// One object for each thread, handed to whoever measures; there is no global one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

double steady_seconds();

struct Phase {
  std::string name;  // with the phases around it: "round/train/backward"
  double seconds = 0.0;
  std::int64_t count = 0;
};

class PhaseTimer {
 public:
  explicit PhaseTimer(double (*now)() = steady_seconds);

  class Scope {
   public:
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

   private:
    friend class PhaseTimer;
    Scope(PhaseTimer& timer, std::size_t parent) : timer_(timer), parent_(parent), start_(timer.now_()) {}

    PhaseTimer& timer_;
    std::size_t parent_;
    double start_;
  };

  [[nodiscard]] Scope time(std::string_view name);

  // Adds what was measured elsewhere, inside the phase that is running.
  void add(std::string_view name, double seconds, std::int64_t count = 1);

  // All phases, each before those inside it, siblings in the order of their first use. Phases still running count from
  // their next end on.
  std::vector<Phase> snapshot() const;
  void clear();  // throws Error inside a running phase

 private:
  struct Node {
    std::string name;
    double seconds = 0.0;
    std::int64_t count = 0;
    std::vector<std::size_t> children;
  };

  std::size_t child(std::string_view name);
  void collect(std::size_t node, const std::string& prefix, std::vector<Phase>& out) const;

  double (*now_)();
  std::vector<Node> nodes_;  // 0 is the root
  std::size_t current_ = 0;
};

}  // namespace coppice
