#include "algorithms/compensation/slorb.h"

#include <string>

#include "core/error.h"

namespace coppice {
namespace {

const std::string kWeight = ".weight";

void add_means_of_dropped(std::span<const float> w_OI, const Bits& kept, std::int64_t inputs, std::span<float> s_OB) {
  for (std::size_t block = 0; block < s_OB.size(); ++block) {
    const std::int64_t first = static_cast<std::int64_t>(block) * inputs;
    double dropped = 0.0;
    for (std::int64_t i = first; i < first + inputs; ++i) {
      if (!kept[i]) dropped += w_OI[static_cast<std::size_t>(i)];
    }
    s_OB[block] += static_cast<float>(dropped / static_cast<double>(inputs));
  }
}

}  // namespace

ModelState boosted(const ModelState& state, const Mask& mask) {
  const auto* decoder = std::get_if<DecoderConfig>(&state.config);
  if (decoder == nullptr || decoder->booster == 0) throw Error("a model without boosters");
  ModelState result = state.clone();
  const ArenaLayout& base = result.base.layout();
  for (const auto& [tensor, kept] : mask.elements()) {
    const std::string& name = base[tensor].name;
    const int booster = name.ends_with(kWeight) ? base.find(name.substr(0, name.size() - kWeight.size()) + ".booster") : -1;
    if (booster >= 0) add_means_of_dropped(state.base.floats(tensor), kept, decoder->booster, result.base.floats(booster));
  }
  mask.apply_to(result.base);
  return result;
}

}  // namespace coppice
