// Clients that train parts of the model, and devices that decide which, against NumPy and their laws, on real ranks.
#include <gtest/gtest.h>

#include "algorithms/exchange/client_cost.h"
#include "algorithms/exchange/submodel.h"
#include "algorithms/methods/submodels.h"
#include "core/error.h"
#include "tests/simulations/golden_federation.h"

namespace coppice::test {
namespace {

const nlohmann::json& heterofl_goldens() {
  static const nlohmann::json parsed = nlohmann::json::parse(std::ifstream(COPPICE_TRAINING_GOLDENS "/dynamics_goldens.json"));
  return parsed;
}

struct Parts : Setting {
  explicit Parts(const nlohmann::json& golden) : Setting(sparse_goldens().at("cases").front(), heterofl_goldens().at("samples")) {
    stage = FinetuneConfig{};
    stage.rounds = golden.at("rounds");
    stage.evaluate_every = 0;
    federation.optimizer = SgdConfig{.lr = heterofl_goldens().at("lr"), .momentum = heterofl_goldens().at("momentum")};
    federation.local.clip_norm = 0.0;
    federation.submodels = HeteroFlConfig{.rates = golden.at("rates"), .shares = golden.at("shares")};
    start.tracks[kMainTrack] = start.tracks[kDenseTrack];
  }
};

TEST(HeteroFl, FollowsNumPyOnSlicedModels) {
  for (const auto& golden : heterofl_goldens().at("heterofl")) {
    SCOPED_TRACE(golden.at("rates").dump());
    const Parts setting(golden);
    const State state = setting.result();
    expect_near(values_of(state.track(kMainTrack).values->base), golden.at("weights").get<std::vector<double>>(), 2e-5, "weights");
  }
}

TEST(HeteroFl, TheBitsDoNotDependOnRanksOrInterruptions) {
  for (const auto& golden : heterofl_goldens().at("heterofl")) {
    const Parts setting(golden);
    const State whole = setting.result();
    EXPECT_EQ(digest_of_result(setting.result(2)), digest_of_result(whole));
    State state = setting.start;
    for (std::int64_t r = 0; r < setting.stage.rounds; ++r) {
      state = reloaded(state);
      run_stages(setting.stages(), state, setting.data, 1 + static_cast<int>(r % 2), 1);
    }
    EXPECT_EQ(digest_of_result(state), digest_of_result(whole));
  }
}

TEST(HeteroFl, OneLevelOfTheWholeModelIsFedAvg) {
  Parts setting(heterofl_goldens().at("heterofl")[0]);
  setting.federation.submodels = HeteroFlConfig{.rates = {1.0}};
  const State parts = setting.result();
  setting.federation.submodels = WholeModels{};
  EXPECT_EQ(digest_of_result(parts), digest_of_result(setting.result()));
}

TEST(HeteroFl, SmallClientsReceiveSendAndComputeLess) {
  Parts setting(heterofl_goldens().at("heterofl")[0]);
  const auto cost_at = [&](double rate) {
    setting.federation.submodels = HeteroFlConfig{.rates = {rate}};
    RunLog log;
    setting.result(1, &log);
    const StepCost& cost = log.costs.at(1);  // the first round pays for a probe
    const RoundPlan view = submodel_plan(setting.stages()[0]->next_plans(setting.start).at(0), 0);
    EXPECT_EQ(cost.bytes_up, static_cast<double>(expected_report_bytes(view, *setting.model)));
    return cost;
  };
  const StepCost whole = cost_at(1.0), half = cost_at(0.5);
  const Mask mask = nested_mask(*setting.model, 0.5);
  const double dropped = 4.0 * static_cast<double>(mask.total() - mask.kept());
  EXPECT_NEAR(whole.bytes_up - half.bytes_up, dropped, 16.0);  // names of variants
  EXPECT_NEAR(whole.bytes_down - half.bytes_down, dropped, 16.0);
  EXPECT_LT(half.flops, 0.6 * whole.flops);
  EXPECT_LT(half.live_bytes, 0.6 * whole.live_bytes);
}

TEST(HeteroFl, PartsOfNetworksWithBatchNormsAreTheFirstUnits) {
  const Subject subject = small_resnet8();
  const Mask mask = nested_mask(*subject.model, 0.5);
  const PrunableStructure structure = subject.model->structure();
  const std::vector<std::int64_t> widths = mask.widths(structure);
  for (std::size_t f = 0; f < widths.size(); ++f) EXPECT_EQ(widths[f], (structure.families[f].num_groups + 1) / 2);
  for (const Group& group : structure.groups) {
    const auto g = static_cast<std::size_t>(&group - structure.groups.data());
    EXPECT_EQ(mask.groups()[g] != 0, group.unit < widths[static_cast<std::size_t>(group.family)]);
  }
  const std::vector<Bits> held = held_moments(*subject.model, mask);
  for (const Bits& bits : held) EXPECT_EQ(bits.count(), (bits.size() + 1) / 2);
}

// Of the four clients of the goldens.
std::vector<Device> devices_of(double memory, double speed = 1e6) {
  return std::vector<Device>(4, Device{"test", memory, speed, 1e3, 5e2, 1.0, 2.0, 1.0});
}

TEST(Devices, AClientGetsTheLargestPartThatItHolds) {
  Parts setting(heterofl_goldens().at("heterofl")[0]);
  Population population = setting.data->population();
  population.devices = devices_of(1e9);
  RoundPlan plan;
  plan.cohort = {0, 1, 2, 3};
  plan.values = setting.start.track(kMainTrack).values;
  plan.tasks.emplace_back(TrainTask{});
  RoundPlan rich = plan, poor = plan;
  assign_submodels(setting.federation.submodels, population, setting.start, rich);
  for (const auto& [client, level] : rich.assignment) EXPECT_EQ(level, 0);
  population.devices = devices_of(10.0);
  assign_submodels(setting.federation.submodels, population, setting.start, poor);
  for (const auto& [client, level] : poor.assignment) EXPECT_EQ(level, 2);
}

TEST(Devices, TheClockIsTheSlowestClientAndNothingIsMeasured) {
  const Parts setting(heterofl_goldens().at("heterofl")[0]);
  std::vector<Device> devices = devices_of(1e9);
  devices[2].flops_per_second = 10.0;  // far the slowest
  RunLog log, other;
  State one = setting.start, two = setting.start;
  log = run_stages(setting.stages(), one, setting.data, 1, 1000, devices);
  other = run_stages(setting.stages(), two, setting.data, 2, 1000, devices);
  EXPECT_EQ(digest_of_result(one), digest_of_result(two));
  double seconds = 0.0;
  for (std::size_t r = 0; r < log.costs.size(); ++r) {
    EXPECT_EQ(log.costs[r].virtual_seconds, other.costs[r].virtual_seconds);
    EXPECT_EQ(log.costs[r].joules, other.costs[r].joules);
    seconds += log.costs[r].virtual_seconds;
  }
  EXPECT_EQ(virtual_total(one).seconds, seconds);
  devices[2].flops_per_second = 5.0;
  State slower = setting.start;
  run_stages(setting.stages(), slower, setting.data, 1, 1000, devices);
  EXPECT_NEAR(virtual_total(slower).seconds / seconds, 2.0, 0.1);
  EXPECT_EQ(digest_of_result(slower), digest_of_result(one));
}

TEST(Devices, WhoCannotHoldThePlanSitsOutAndIsCounted) {
  Parts setting(heterofl_goldens().at("heterofl")[0]);
  setting.federation.submodels = WholeModels{};
  std::vector<Device> devices = devices_of(1e9);
  devices[1].memory_bytes = 100.0;
  devices[1].profile = "tiny";
  State state = setting.start;
  const RunLog log = run_stages(setting.stages(), state, setting.data, 2, 1000, devices);
  const auto rounds = static_cast<double>(setting.stage.rounds);
  EXPECT_EQ(state.numbers.at("devices/tiny"), (std::vector<double>{0.0, rounds, 0.0}));
  EXPECT_EQ(state.numbers.at("devices/test"), (std::vector<double>{3.0 * rounds, 0.0, 0.0}));
  for (const double clients : numbers(log, "clients")) EXPECT_EQ(clients, 3.0);
  EXPECT_EQ(log.costs[0].too_small, 1.0);
  EXPECT_NE(digest_of_result(state), digest_of_result(setting.result()));
}

TEST(Devices, ARoundThatNobodyReachesIsVoid) {
  Parts setting(heterofl_goldens().at("heterofl")[0]);
  std::vector<Device> devices = devices_of(1e9);
  for (Device& device : devices) device.availability = 1e-9;
  State state = setting.start;
  EXPECT_THROW(run_stages(setting.stages(), state, setting.data, 1, 1000, devices), Stopped);
}

TEST(Devices, AreDealtBySeedAndShare) {
  DeviceMix mix;
  PhoneProfile phone;
  phone.share = 3.0;
  mix.profiles = {phone, LaptopProfile{}};
  const std::vector<Device> devices = deal_devices(mix, 4000, Seed{7, 0, 0});
  const auto phones = std::count_if(devices.begin(), devices.end(), [](const Device& d) { return d.profile == "phone"; });
  EXPECT_NEAR(static_cast<double>(phones) / 4000.0, 0.75, 0.03);
  EXPECT_TRUE(deal_devices(NoDevices{}, 10, Seed{}).empty());
  EXPECT_THROW(deal_devices(DeviceMix{}, 10, Seed{}), InputError);
  const VirtualCost cost = virtual_cost(Device{"d", 0, 100.0, 10.0, 5.0, 1.0, 2.0, 3.0}, 20.0, 300.0, 10.0);
  EXPECT_DOUBLE_EQ(cost.seconds, 2.0 + 3.0 + 2.0);
  EXPECT_DOUBLE_EQ(cost.joules, 2.0 * 3.0 + 3.0 * 4.0);
}

}  // namespace
}  // namespace coppice::test
