#include "models/transform.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

// The kept indices of one dim of one tensor, where some are dropped.
struct Cut {
  std::int64_t dim = 0;
  at::Tensor kept;  // int64, ascending
};

// Cuts of each tensor of the base and of the moments layout.
using Cuts = std::array<std::vector<std::vector<Cut>>, 2>;

at::Tensor indices_of(const std::vector<bool>& kept) {
  const std::int64_t count = std::count(kept.begin(), kept.end(), true);
  at::Tensor indices = at::zeros({count}, at::TensorOptions().dtype(at::kLong));
  auto* out = static_cast<std::int64_t*>(indices.mutable_data_ptr());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) *out++ = static_cast<std::int64_t>(i);
  }
  return indices;
}

Cuts cuts_of(const Model& model, const PrunableStructure& structure, const std::vector<std::uint8_t>& groups) {
  const std::array<std::shared_ptr<const ArenaLayout>, 2> layouts = {model.base_layout(), model.moments_layout()};
  std::array<std::map<std::pair<int, int>, std::vector<bool>>, 2> kept;  // by tensor and dim
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (groups[g] != 0) continue;
    for (const Slice& slice : structure.groups[g].slices) {
      const auto arena = static_cast<std::size_t>(slice.arena);
      const auto size = (*layouts[arena])[slice.tensor].shape.at(static_cast<std::size_t>(slice.dim));
      auto& flags =
          kept[arena].try_emplace({slice.tensor, slice.dim}, static_cast<std::size_t>(size), true).first->second;
      std::fill(flags.begin() + slice.begin, flags.begin() + slice.end, false);
    }
  }
  Cuts cuts;
  for (std::size_t arena = 0; arena < cuts.size(); ++arena) {
    cuts[arena].resize(static_cast<std::size_t>(layouts[arena]->size()));
    for (const auto& [where, flags] : kept[arena]) {
      cuts[arena][static_cast<std::size_t>(where.first)].push_back({where.second, indices_of(flags)});
    }
  }
  return cuts;
}

void check_layout(const char* what, const ArenaLayout& found, const ArenaLayout& expected) {
  if (found == expected) return;
  for (int i = 0; i < std::min(found.size(), expected.size()); ++i) {
    if (found[i].name != expected[i].name || found[i].shape != expected[i].shape) {
      throw Error(std::string(what) + ": found tensor " + coppice::quoted(found[i].name) + " " +
                  shape_text(found[i].shape) + "; expected " + coppice::quoted(expected[i].name) + " " +
                  shape_text(expected[i].shape));
    }
  }
  throw Error(std::string(what) + ": found " + std::to_string(found.size()) + " tensors; expected " +
              std::to_string(expected.size()));
}

void check_families(const PrunableStructure& structure, const std::vector<std::int64_t>& widths) {
  for (std::size_t f = 0; f < widths.size(); ++f) {
    if (widths[f] == 0) throw Error("the mask empties family " + coppice::quoted(structure.families[f].name));
  }
}

// Tensors of which a cut leaves nothing: those of a whole layer.
bool is_gone(const std::vector<Cut>& cuts) {
  return std::any_of(cuts.begin(), cuts.end(), [](const Cut& cut) { return cut.kept.numel() == 0; });
}

// What the arena becomes. The shapes follow from the cuts alone, so that they can be held against the model's. Once a layer is gone those
// behind it take other numbers: the tensors that are left then have the names of `target`, in order.
Arena sliced(const Arena& dense, const std::vector<std::vector<Cut>>& cuts, const ArenaLayout& target) {
  const bool renumbered = std::any_of(cuts.begin(), cuts.end(), is_gone);
  auto layout = std::make_shared<ArenaLayout>();
  std::vector<at::Tensor> values;
  for (int i = 0; i < dense.layout().size(); ++i) {
    const std::vector<Cut>& own = cuts[static_cast<std::size_t>(i)];
    if (is_gone(own)) continue;
    at::Tensor value = dense.view(i);
    for (const Cut& cut : own) value = at::index_select(value, cut.dim, cut.kept);
    const bool named = renumbered && layout->size() < target.size();
    layout->add(named ? target[layout->size()].name : dense.layout()[i].name, value.sizes().vec());
    values.push_back(std::move(value));
  }
  Arena out(dense.name(), std::move(layout), dense.dtype());
  for (int i = 0; i < out.layout().size(); ++i) out.view(i).copy_(values[static_cast<std::size_t>(i)]);
  return out;
}

// Puts `compact` at the kept places of `dense`, one dim after the other, and `elsewhere` at the others.
void place(const at::Tensor& compact, const std::vector<Cut>& cuts, float elsewhere, const at::Tensor& dense) {
  at::Tensor value = compact;
  for (std::size_t c = cuts.size(); c-- > 0;) {
    const std::int64_t dim = cuts[c].dim;
    std::vector<std::int64_t> shape = value.sizes().vec();
    shape[static_cast<std::size_t>(dim)] = dense.size(dim);
    value = at::full(shape, elsewhere, value.options()).index_copy_(dim, cuts[c].kept, value);
  }
  dense.copy_(value);
}

}  // namespace

ModelState slice(const ModelState& state, const Model& model, const Mask& mask) {
  check_layout("slice", state.base.layout(), *model.base_layout());
  check_layout("slice", state.moments.layout(), *model.moments_layout());
  const PrunableStructure structure = model.structure();
  check_families(structure, mask.widths(structure));

  const Cuts cuts = cuts_of(model, structure, mask.groups());
  const Arena masked = state.base.clone();
  mask.apply_to(masked);
  const std::unique_ptr<Model> small = make_model(model.sliced_config(mask.groups()));
  ModelState out{small->config(), sliced(masked, cuts[0], *small->base_layout()),
                 sliced(state.moments, cuts[1], *small->moments_layout())};
  check_layout("slice", out.base.layout(), *small->base_layout());
  check_layout("slice", out.moments.layout(), *small->moments_layout());
  return out;
}

ModelState expand(const ModelState& compact, const Model& dense_model, const Mask& mask) {
  const PrunableStructure structure = dense_model.structure();
  check_families(structure, mask.widths(structure));
  const std::unique_ptr<Model> small = make_model(dense_model.sliced_config(mask.groups()));
  check_layout("expand", compact.base.layout(), *small->base_layout());
  check_layout("expand", compact.moments.layout(), *small->moments_layout());

  const Cuts cuts = cuts_of(dense_model, structure, mask.groups());
  ModelState out{dense_model.config(), Arena(compact.base.name(), dense_model.base_layout(), compact.base.dtype()),
                 Arena(compact.moments.name(), dense_model.moments_layout(), compact.moments.dtype())};
  for (int i = 0, next = 0; i < out.base.layout().size(); ++i) {
    const std::vector<Cut>& own = cuts[0][static_cast<std::size_t>(i)];
    if (!is_gone(own)) place(compact.base.view(next++), own, 0.0F, out.base.view(i));
  }
  for (int i = 0; i < out.moments.layout().size(); ++i) {  // means are even, variances odd
    place(compact.moments.view(i), cuts[1][static_cast<std::size_t>(i)], i % 2 == 0 ? 0.0F : 1.0F, out.moments.view(i));
  }
  return out;
}

}  // namespace coppice
