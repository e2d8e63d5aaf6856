#include "algorithms/compensation/bias.h"

#include <algorithm>
#include <span>

#include "core/error.h"
#include "models/matrix_uses.h"

namespace coppice {
namespace {

constexpr std::string_view kPrefix = "reference/input_mean/";

void move_into_bias(std::span<const float> w_OI, const Bits& kept, const std::vector<double>& means_I, std::span<float> bias_O) {
  const std::size_t columns = means_I.size();
  for (std::size_t o = 0; o < bias_O.size(); ++o) {
    double moved = 0.0;
    for (std::size_t j = 0; j < columns; ++j) {
      const std::size_t i = o * columns + j;
      if (!kept[static_cast<std::int64_t>(i)]) moved += w_OI[i] * means_I[j];
    }
    bias_O[o] += static_cast<float>(moved);
  }
}

}  // namespace

ModelState bias_compensated(const ModelState& state, const Model& model, const Mask& mask, const InputMeans& means) {
  ModelState result = state.clone();
  const std::vector<MatrixUse> uses = means.empty() ? std::vector<MatrixUse>{} : matrix_uses(model, state);
  for (const auto& [tensor, means_I] : means) {
    if (mask.keeps_all(tensor)) continue;
    const auto use = std::find_if(uses.begin(), uses.end(), [t = tensor](const MatrixUse& u) { return u.weight == t; });
    if (use == uses.end() || use->bias < 0) {
      throw Error("tensor " + coppice::quoted(state.base.layout()[tensor].name) + " has no bias to move means into");
    }
    move_into_bias(result.base.floats(tensor), mask.bits(tensor), means_I, result.base.floats(use->bias));
  }
  mask.apply_to(result.base);
  return result;
}

std::map<std::string, Block> to_references(const InputMeans& means, const ArenaLayout& base) {
  std::map<std::string, Block> blocks;
  for (const auto& [tensor, values] : means) {
    const std::string name = std::string(kPrefix) + base[tensor].name;
    const auto bytes = std::as_bytes(std::span(values));
    blocks[name] = Block{.name = name, .dtype = DType::kF64, .shape = {static_cast<std::int64_t>(values.size())},
                         .values = {bytes.begin(), bytes.end()}};
  }
  return blocks;
}

InputMeans means_in(const std::map<std::string, Block>& references, const ArenaLayout& base) {
  InputMeans means;
  for (const auto& [name, block] : references) {
    if (!name.starts_with(kPrefix)) continue;
    const int tensor = base.find(std::string_view(name).substr(kPrefix.size()));
    const std::int64_t columns = tensor < 0 || base[tensor].shape.empty() ? -1 : base[tensor].numel / base[tensor].shape.front();
    if (block.dtype != DType::kF64 || block.layout != Layout::kDense || block.num_values() != columns) {
      throw InputError("plan: block '" + name + "': found " + std::to_string(block.num_values()) + " values; expected " +
                       std::to_string(columns) + " dense " + name_of(DType::kF64));
    }
    const auto* values = reinterpret_cast<const double*>(block.values.data());
    means[tensor].assign(values, values + columns);
  }
  return means;
}

}  // namespace coppice
