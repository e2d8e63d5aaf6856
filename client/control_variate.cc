#include "client/control_variate.h"

#include <algorithm>

#include "core/error.h"
#include "models/support.h"

namespace coppice {
namespace {

void fill_entry(const Block& block, const ArenaEntry& entry, std::span<float> values) {
  if (block.dtype != DType::kF32 || block.num_values() != entry.numel) {
    throw InputError("control variate of '" + entry.name + "': found " + std::to_string(block.num_values()) +
                     " values; expected " + std::to_string(entry.numel));
  }
  std::copy_n(reinterpret_cast<const float*>(block.values.data()), values.size(), values.begin());
}

}  // namespace

ControlVariate::ControlVariate(const RoundPlan& plan, std::int64_t client, const ClientStore& store,
                               std::shared_ptr<const ArenaLayout> layout)
    : own_("control", layout), correction_("correction", layout) {
  const auto version = plan.store_versions.find(client);
  if (version != plan.store_versions.end()) {
    for (const Block& block : store.read(client, version->second)) {
      const int i = layout->find(block.name);
      if (i < 0) throw InputError("control variate of client " + std::to_string(client) + ": unknown tensor '" + block.name + "'");
      fill_entry(block, (*layout)[i], own_.floats(i));
    }
  }
  for (int i = 0; i < layout->size(); ++i) {
    const auto found = plan.references.find("control/" + (*layout)[i].name);
    if (found != plan.references.end()) fill_entry(found->second, (*layout)[i], correction_.floats(i));
  }
  const auto c = correction_.floats();
  const auto own = own_.floats();
  for (std::size_t i = 0; i < c.size(); ++i) c[i] -= own[i];
  if (plan.mask) plan.mask->apply_to(correction_);
}

std::vector<Block> ControlVariate::update(const Arena& trained, const Arena& received, double steps_times_rate,
                                          Report& report, const Mask* mask) {
  const ArenaLayout& layout = own_.layout();
  std::vector<Block> stored;
  for (int i = 0; i < layout.size(); ++i) {
    const auto w = trained.floats(i);
    const auto w0 = received.floats(i);
    const auto own = own_.floats(i);
    const auto correction = correction_.floats(i);
    std::vector<float> change(w.size());
    for (std::size_t j = 0; j < w.size(); ++j) {
      // c_k' - c_k = -c + (w0 - w) / (S eta), and c = correction + c_k.
      change[j] = -(correction[j] + own[j]) + static_cast<float>((w0[j] - w[j]) / steps_times_rate);
    }
    const bool masked = mask != nullptr && !mask->keeps_all(i);
    if (masked) zero_dropped(mask->bits(i), change);
    for (std::size_t j = 0; j < w.size(); ++j) own[j] += change[j];
    const auto bytes = std::as_bytes(std::span<const float>(own));
    stored.push_back(Block{.name = layout[i].name, .shape = layout[i].shape, .values = {bytes.begin(), bytes.end()}});
    if (masked) {
      std::vector<float> kept;
      gather_kept(change, mask->bits(i), kept);
      change = std::move(kept);
    }
    report.add("train/control/" + layout[i].name, std::move(change), 1.0, DType::kF32);
  }
  return stored;
}

}  // namespace coppice
