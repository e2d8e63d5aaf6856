// parse_packed on arbitrary bytes: it refuses them with an InputError, or they are a packed model that survives a round trip.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "core/error.h"
#include "models/packed/packed_file.h"

namespace {

bool same(const coppice::PackedTensor& a, const coppice::PackedTensor& b) {
  return a.name == b.name && a.shape == b.shape && a.positions == b.positions && a.values.size() == b.values.size() &&
         (a.values.empty() || std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coppice::PackedFile file;
  try {
    file = coppice::parse_packed("input", std::as_bytes(std::span(data, size)));
  } catch (const coppice::InputError&) {
    return 0;
  }
  const coppice::PackedFile again = coppice::parse_packed("encoded", coppice::encode_packed(file));
  if (again.config != file.config || again.tensors.size() != file.tensors.size()) std::abort();
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    if (!same(again.tensors[i], file.tensors[i])) std::abort();
  }
  return 0;
}
