#include "algorithms/methods/adapter_rounds.h"

#include "algorithms/aggregation/server_step.h"
#include "algorithms/taps/masked_lora.h"

namespace coppice {
namespace {

const std::string kPrefix = "adapter/";
const std::string kValues = kPrefix + "values";

}  // namespace

std::shared_ptr<const Arena> adapters_of(const LoraConfig& config, const Track& track, Seed seed) {
  const auto slot = track.server.find(kValues);
  if (slot != track.server.end()) return slot->second;
  const auto model = make_model(track.values->config);
  // Not the stream that first weights are drawn from.
  return std::make_shared<const Arena>(initial_lora(
      lora_layout(*model->base_layout(), adapted_weights(config, *model), config.rank), seed.with_client(1)));
}

void absorb_adapters(const ServerConfig& server, const Arena& before, Arena mean_delta, Track& track) {
  Slots slots;
  for (const auto& [name, slot] : track.server) {
    if (name.starts_with(kPrefix)) slots[name.substr(kPrefix.size())] = slot;
  }
  slots["values"] = std::make_shared<const Arena>(server_step(server, before, std::move(mean_delta), nullptr, slots));
  for (const auto& [name, slot] : slots) track.server[kPrefix + name] = slot;
}

std::shared_ptr<const ModelState> merged_values(const LoraConfig& config, const Track& track) {
  const auto adapters = track.server.find(kValues);
  if (adapters == track.server.end()) return track.values;
  const auto model = make_model(track.values->config);
  const MaskedLora lora(*model->base_layout(), adapted_weights(config, *model), *adapters->second, config.scale(), track.mask.get());
  return std::make_shared<const ModelState>(ModelState{
      track.values->config, lora.merge(track.values->base, track.mask.get()), track.values->moments.clone()});
}

void merge_adapters(const LoraConfig& config, Track& track) {
  track.values = merged_values(config, track);
  std::erase_if(track.server, [](const auto& slot) { return slot.first.starts_with(kPrefix); });
}

}  // namespace coppice
