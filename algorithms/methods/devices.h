// What the clients' devices are like: `federation.devices`. Figures stand for a class of devices and are nobody's measurement; from them and
// from what a plan costs a client (algorithms/exchange/client_cost.h) follow a virtual clock, and who cannot take part.
//
//   seconds of a client = bytes down / downlink + FLOPs / speed + bytes up / uplink          of a round: those of its slowest client
//   joules of a client  = compute_watts * FLOPs / speed + radio_watts * seconds on either link
//
// Which client has which device is drawn by the run's seed, whether it can be reached by the round's: the same on any number of ranks.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/seed.h"

namespace coppice {

struct DeviceProfile {
  double share = 1.0;           // of the clients, against the other profiles'
  double memory_mb = 0.0;       // for the plan's weights, gradients, moments and report; activations aside
  double gflops = 0.0;          // sustained
  double down_mbit = 0.0;
  double up_mbit = 0.0;
  double availability = 1.0;    // of a round
  double compute_watts = 0.0;
  double radio_watts = 0.0;
  void visit(FieldVisitor& v);
};

// Orders of magnitude, to be overridden by who knows better.
struct SensorProfile : DeviceProfile {
  static constexpr const char* kName = "sensor";
  SensorProfile() : DeviceProfile{1.0, 1.0, 0.1, 1.0, 0.5, 0.9, 0.5, 0.3} {}
};
struct WearableProfile : DeviceProfile {
  static constexpr const char* kName = "wearable";
  WearableProfile() : DeviceProfile{1.0, 64.0, 2.0, 10.0, 5.0, 0.8, 1.0, 0.8} {}
};
struct PhoneProfile : DeviceProfile {
  static constexpr const char* kName = "phone";
  PhoneProfile() : DeviceProfile{1.0, 1024.0, 20.0, 50.0, 10.0, 0.7, 4.0, 1.5} {}
};
struct LaptopProfile : DeviceProfile {
  static constexpr const char* kName = "laptop";
  LaptopProfile() : DeviceProfile{1.0, 8192.0, 200.0, 100.0, 40.0, 0.9, 30.0, 2.0} {}
};
struct WorkstationProfile : DeviceProfile {
  static constexpr const char* kName = "workstation";
  WorkstationProfile() : DeviceProfile{1.0, 65536.0, 5000.0, 1000.0, 1000.0, 1.0, 300.0, 5.0} {}
};
using AnyProfile = std::variant<SensorProfile, WearableProfile, PhoneProfile, LaptopProfile, WorkstationProfile>;

// Devices are not looked at: no clock, and every client takes part.
struct NoDevices {
  static constexpr const char* kName = "none";
  void visit(FieldVisitor&) {}
};
struct DeviceMix {
  static constexpr const char* kName = "mix";
  std::vector<AnyProfile> profiles = {};
  void visit(FieldVisitor& v);
};
using DevicesConfig = std::variant<NoDevices, DeviceMix>;

struct Device {
  std::string profile;
  double memory_bytes = 0.0;
  double flops_per_second = 0.0;
  double down_bytes_per_second = 0.0;
  double up_bytes_per_second = 0.0;
  double availability = 1.0;
  double compute_watts = 0.0;
  double radio_watts = 0.0;
};

// One a client; none where devices are not looked at. Throws InputError where there are no profiles.
std::vector<Device> deal_devices(const DevicesConfig& config, std::int64_t clients, Seed run);

struct VirtualCost {
  double seconds = 0.0;
  double joules = 0.0;
};
VirtualCost virtual_cost(const Device& device, double bytes_down, double flops, double bytes_up);

// Whether a client can be reached in the round of a plan.
bool is_reachable(const Device& device, std::int64_t client, Seed plan);

}  // namespace coppice
