// parse_data_manifest on arbitrary bytes: an InputError, or a manifest that comes back from its own file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "data/client_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coppice::DataManifest manifest;
  try {
    manifest = coppice::parse_data_manifest({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const coppice::InputError&) {
    return 0;
  }
  const coppice::DataManifest again = coppice::parse_data_manifest(coppice::to_json(manifest), "own");
  if (again.clients != manifest.clients || !coppice::difference(manifest, again).empty()) std::abort();
  return 0;
}
