// What a run costs its clients: bytes as frames on the wire would have them, FLOPs and memory, and who took part.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "algorithms/exchange/answer.h"
#include "algorithms/exchange/plan.h"
#include "algorithms/methods/devices.h"
#include "algorithms/methods/state.h"

namespace coppice {

// Of one step, over all its plans and probes. Bytes and FLOPs are means over the clients of the cohort, memory is the largest.
struct StepCost {
  double bytes_down = 0.0;
  double bytes_up = 0.0;
  double flops = 0.0;
  double live_bytes = 0.0;  // by the cost model (algorithms/exchange/client_cost.h), activations aside
  double peak_bytes = 0.0;  // measured, activations included
  double own_flops = 0.0;   // of the coordinator's own training, where no client took part
  double seconds = 0.0;
  // Where devices are known, by their profiles alone (algorithms/methods/devices.h): of the slowest client, of all clients, and how many of
  // the cohort could not hold the plan or not be reached.
  double virtual_seconds = 0.0;
  double joules = 0.0;
  double too_small = 0.0;
  double unreachable = 0.0;
  std::map<std::string, double> phases;  // seconds of rank 0 by phase
  std::map<std::string, double> levels;  // bytes of partial sums to each level of a hierarchy

  void add(const StepCost& other) {
    bytes_down += other.bytes_down;
    bytes_up += other.bytes_up;
    flops += other.flops;
    live_bytes = std::max(live_bytes, other.live_bytes);
    peak_bytes = std::max(peak_bytes, other.peak_bytes);
    own_flops += other.own_flops;
    seconds += other.seconds;
    virtual_seconds += other.virtual_seconds;
    joules += other.joules;
    too_small += other.too_small;
    unreachable += other.unreachable;
    for (const auto& [phase, spent] : other.phases) phases[phase] += spent;
    add_levels(other.levels);
  }
  void add_levels(const std::map<std::string, double>& more) {
    for (const auto& [level, bytes] : more) levels[level] += bytes;
  }
};

class Ledger {
 public:
  // `devices`: one a client; none where they are not looked at.
  explicit Ledger(std::vector<Device> devices = {}) : devices_(std::move(devices)) {}

  bool knows_devices() const { return !devices_.empty(); }

  // Takes those from a plan's cohort whose devices cannot hold it, by the cost model, or cannot be reached, and counts them, by profile
  // in the state's numbers. Evaluation by the coordinator needs no device.
  StepCost admit(RoundPlan& plan, State& state) const;

  // Charges a plan to its cohort and remembers in the state which mask and which frozen model each client now holds. Evaluation
  // on the test split, or under personal masks, is the coordinator's own business and costs clients nothing; what it trains by itself is
  // counted as its own. What a client holds it is not sent again.
  // Twins are counted by themselves and returned as free: they stand for another run.
  StepCost charge(const RoundPlan& plan, const Answer& answer, State& state);

 private:
  std::vector<Device> devices_;
};

// The virtual clock of a run so far, in the state's numbers under "virtual".
VirtualCost virtual_total(const State& state);

// By profile: how often its clients took part, were too small, or not reachable; in the state's numbers under "devices/<profile>".
inline constexpr const char* kDeviceCounts = "devices/";

// FLOPs of the coordinator's own training, in the state's numbers under "own_flops"; 0 where there was none.
double own_flops(const State& state);

// Sums over a run, kept in the state's numbers under "traffic/<track>" so that a resume goes on counting.
struct Traffic {
  double bytes_down = 0.0;     // over all clients and rounds
  double bytes_up = 0.0;
  double client_rounds = 0.0;
};
Traffic traffic_of(const State& state, const std::string& track = kMainTrack);

}  // namespace coppice
