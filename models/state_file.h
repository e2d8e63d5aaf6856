// A model state in a safetensors file of its own: tensors "base/..." and "moments/...", named by the digest of what it holds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/digest.h"
#include "models/model_state.h"
#include "models/safetensors.h"

namespace coppice {

std::string state_file_name(const Digest& digest);  // "model-<hex>.safetensors"

// The tensors of such a file, where they lie now; `prefix` stands before their names.
void put_arena(const std::string& prefix, const Arena& arena, std::vector<TensorBytes>& file);
void put_state(const ModelState& state, std::vector<TensorBytes>& file);

// `like` with its base arena where the file has it: pages that are not looked at take no memory, and processes of one machine share
// those that are. Null where the file does not lie as an arena would. Values are not compared. Throws InputError.
std::shared_ptr<const ModelState> mapped_state(const ModelState& like, const std::string& path);

// Of fewer bytes a model had better stay in memory.
inline constexpr std::size_t kFewestMappedBytes = std::size_t{16} << 20;
// Whether it should lie in a file and does not.
bool is_movable(const Arena& base);

}  // namespace coppice
