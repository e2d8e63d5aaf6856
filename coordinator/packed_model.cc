#include "coordinator/packed_model.h"

#include "algorithms/exchange/plan_codec.h"
#include "comm/wire/wire.h"
#include "core/error.h"
#include "core/file.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 36;

}  // namespace

// A plan without tasks carries exactly what is needed: a config, a mask and the values on its support.
void write_packed_model(const std::string& path, const ModelState& state, std::shared_ptr<const Mask> mask) {
  RoundPlan plan;
  plan.stage = "packed model";
  plan.values = std::make_shared<const ModelState>(state.clone());
  plan.mask = std::move(mask);
  PlanCache nothing_known;
  const std::vector<std::byte> frame = encode(encode_plan(plan, nothing_known));
  const std::span<const std::byte> bytes(frame);
  write_file_atomically(path, std::span(&bytes, 1));
}

PackedModel read_packed_model(const std::string& path) {
  const std::vector<std::byte> frame = read_file(path, kMostBytes);
  try {
    PlanCache nothing_known;
    const RoundPlan plan = decode_plan(decode(frame), nothing_known);
    return {plan.values->clone(), plan.mask};
  } catch (InputError& error) {
    error.within(path);
    throw;
  }
}

}  // namespace coppice
