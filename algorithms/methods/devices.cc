#include "algorithms/methods/devices.h"

#include "algorithms/methods/shares.h"
#include "core/error.h"

namespace coppice {
namespace {

constexpr double kMega = 1e6, kGiga = 1e9, kBits = 8.0;
constexpr std::uint32_t kProfileSalt = 1, kReachSalt = 2;  // beside the cohort's own draw

Device device_of(const AnyProfile& profile) {
  return std::visit(
      [](const auto& p) {
        return Device{p.kName,     p.memory_mb * kMega,     p.gflops * kGiga, p.down_mbit * kMega / kBits, p.up_mbit * kMega / kBits,
                      p.availability, p.compute_watts, p.radio_watts};
      },
      profile);
}

double share_of(const AnyProfile& profile) {
  return std::visit([](const auto& p) { return p.share; }, profile);
}

}  // namespace

std::vector<Device> deal_devices(const DevicesConfig& config, std::int64_t clients, Seed run) {
  const auto* mix = std::get_if<DeviceMix>(&config);
  if (mix == nullptr) return {};
  if (mix->profiles.empty()) throw InputError("federation.devices.profiles: found none; expected at least one");
  std::vector<double> shares;
  for (const AnyProfile& profile : mix->profiles) shares.push_back(share_of(profile));
  std::vector<Device> devices;
  for (std::int64_t client = 0; client < clients; ++client) {
    const std::size_t profile = drawn_by_shares(shares, run.with_client(static_cast<std::uint32_t>(client)), kProfileSalt);
    devices.push_back(device_of(mix->profiles[profile]));
  }
  return devices;
}

VirtualCost virtual_cost(const Device& device, double bytes_down, double flops, double bytes_up) {
  const double link = bytes_down / device.down_bytes_per_second + bytes_up / device.up_bytes_per_second;
  const double compute = flops / device.flops_per_second;
  return {link + compute, device.compute_watts * compute + device.radio_watts * link};
}

bool is_reachable(const Device& device, std::int64_t client, Seed plan) {
  if (device.availability >= 1.0) return true;
  return Stream(plan.with_client(static_cast<std::uint32_t>(client)), Purpose::kCohort, kReachSalt).uniform() < device.availability;
}

void DeviceProfile::visit(FieldVisitor& v) {
  v.field("share", share, "of the clients, against the other profiles' shares", above(0));
  v.field("memory_mb", memory_mb, "for weights, gradients, moments and report of a plan; activations aside", above(0));
  v.field("gflops", gflops, "sustained speed", above(0));
  v.field("down_mbit", down_mbit, "Mbit/s down", above(0));
  v.field("up_mbit", up_mbit, "Mbit/s up", above(0));
  v.field("availability", availability, "fraction of the rounds in which it can be reached", above_to(0, 1));
  v.field("compute_watts", compute_watts, "power while it computes", at_least(0));
  v.field("radio_watts", radio_watts, "power while it sends or receives", at_least(0));
}

void DeviceMix::visit(FieldVisitor& v) { v.list("profiles", profiles, "classes of devices and their shares"); }

}  // namespace coppice
