#include "models/state_file.h"

namespace coppice {
namespace {

// A file's base tensors, where one lies behind the other as in an arena; else nothing.
std::span<const float> laid_out_as(const ArenaLayout& layout, const MappedSafetensors& file) {
  const TensorBytes* first = file.find("base/" + layout[0].name);
  if (first == nullptr) return {};
  for (const ArenaEntry& entry : layout.entries()) {
    const TensorBytes* tensor = file.find("base/" + entry.name);
    if (tensor == nullptr || entry.numel % kArenaAlignment != 0 ||
        tensor->values.data() != first->values.data() + static_cast<std::size_t>(entry.offset) * sizeof(float)) {
      return {};
    }
  }
  return {reinterpret_cast<const float*>(first->values.data()), static_cast<std::size_t>(layout.padded_numel())};
}

}  // namespace

std::string state_file_name(const Digest& digest) { return "model-" + digest.hex() + ".safetensors"; }

void put_arena(const std::string& prefix, const Arena& arena, std::vector<TensorBytes>& file) {
  for (int i = 0; i < arena.layout().size(); ++i) {
    const ArenaEntry& entry = arena.layout()[i];
    file.push_back({prefix + entry.name, DType::kF32, entry.shape, std::as_bytes(arena.floats(i))});
  }
}

void put_state(const ModelState& state, std::vector<TensorBytes>& file) {
  put_arena("base/", state.base, file);
  put_arena("moments/", state.moments, file);
}

std::shared_ptr<const ModelState> mapped_state(const ModelState& like, const std::string& path) {
  const auto tensors = std::make_shared<const MappedSafetensors>(path);
  const std::span<const float> base = laid_out_as(like.base.layout(), *tensors);
  if (base.empty()) return nullptr;
  return std::make_shared<const ModelState>(
      ModelState{like.config, Arena(like.base.name(), like.base.shared_layout(), tensors, base), like.moments.clone()});
}

bool is_movable(const Arena& base) { return !base.in_file() && base.flat().nbytes() >= kFewestMappedBytes; }

}  // namespace coppice
