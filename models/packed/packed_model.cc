#include "models/packed/packed_model.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/file.h"
#include "models/config_json.h"
#include "models/shape_text.h"
#include "models/support.h"

namespace coppice {
namespace {

void pack_arena(const Arena& arena, const Mask* mask, std::vector<PackedTensor>& tensors) {
  for (int i = 0; i < arena.layout().size(); ++i) {
    PackedTensor tensor{.name = arena.layout()[i].name, .shape = arena.layout()[i].shape};
    const std::span<const float> values = arena.floats(i);
    if (mask == nullptr || mask->keeps_all(i)) {
      tensor.values.assign(values.begin(), values.end());
    } else {
      tensor.positions = mask->bits(i).positions();
      gather_kept(values, mask->bits(i), tensor.values);
    }
    tensors.push_back(std::move(tensor));
  }
}

void check_names(std::span<const PackedTensor> tensors, const Model& model, const std::string& where) {
  auto next = tensors.begin();
  for (const auto& layout : {model.base_layout(), model.moments_layout()}) {
    for (const ArenaEntry& entry : layout->entries()) {
      const bool there = next != tensors.end();
      if (!there || next->name != entry.name || next->shape != entry.shape) {
        throw InputError(where + ": found " + (there ? "tensor " + coppice::quoted(next->name) + " of shape " + shape_text(next->shape) : "no tensor") +
                         "; expected " + coppice::quoted(entry.name) + " of shape " + shape_text(entry.shape));
      }
      ++next;
    }
  }
  if (next != tensors.end()) throw InputError(where + ": tensor " + coppice::quoted(next->name) + " does not belong to the model");
}

void unpack(std::span<const PackedTensor> tensors, const Arena& arena, const std::string& where) {
  for (int i = 0; i < arena.layout().size(); ++i) {
    const PackedTensor& tensor = tensors[static_cast<std::size_t>(i)];
    if (!std::all_of(tensor.values.begin(), tensor.values.end(), [](float value) { return std::isfinite(value); })) {
      throw InputError(where + ": tensor " + coppice::quoted(tensor.name) + " holds a value that is not finite");
    }
    const std::span<float> dense = arena.floats(i);
    if (!tensor.positions) std::copy(tensor.values.begin(), tensor.values.end(), dense.begin());
    for (std::size_t j = 0; tensor.positions && j < tensor.values.size(); ++j) dense[(*tensor.positions)[j]] = tensor.values[j];
  }
}

}  // namespace

PackedFile pack(const ModelState& state, const Mask& mask) {
  PackedFile file{.config = model_config_to_json(state.config), .tensors = {}};
  pack_arena(state.base, &mask, file.tensors);
  pack_arena(state.moments, nullptr, file.tensors);
  return file;
}

void write_packed_model(const std::string& path, const ModelState& state, const Mask& mask) { write_packed(path, pack(state, mask)); }

PackedFile read_packed_file(const std::string& path) { return parse_packed(path, MappedFile(path).bytes()); }

ModelState read_packed_model(const std::string& path) {
  const PackedFile file = read_packed_file(path);
  const ModelConfig config = model_config_from_json(file.config, path);
  if (std::holds_alternative<ModelFolderConfig>(config)) throw InputError(path + ": kind: found 'folder'; expected an architecture");
  const auto model = make_model(config);
  check_names(file.tensors, *model, path);  // before anything of the size that the config asks for is allocated
  ModelState state{model->config(), Arena("base", model->base_layout()), Arena("moments", model->moments_layout())};
  const std::span<const PackedTensor> tensors(file.tensors);
  unpack(tensors, state.base, path);
  unpack(tensors.subspan(static_cast<std::size_t>(state.base.layout().size())), state.moments, path);
  return state;
}

}  // namespace coppice
