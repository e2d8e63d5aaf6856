// parse_safetensors on arbitrary bytes: it refuses them with an InputError, or they are a file that survives a round
// trip.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/error.h"
#include "models/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coppice::SafetensorsFile file;
  try {
    file = coppice::parse_safetensors("input", std::as_bytes(std::span(data, size)));
  } catch (const coppice::InputError&) {
    return 0;
  }
  const std::vector<std::byte> encoded = coppice::encode_safetensors(file);
  const coppice::SafetensorsFile again = coppice::parse_safetensors("encoded", encoded);
  if (again.metadata != file.metadata || again.tensors.size() != file.tensors.size()) std::abort();
  if (coppice::encode_safetensors(again) != encoded) std::abort();
  return 0;
}
