// A Program's JSON from arbitrary bytes: refused with an InputError, or it survives a round trip, its places are followed whatever its
// shapes say, and it can be written as Python.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "models/graph/coupling.h"
#include "models/graph/program_json.h"
#include "models/graph/pytorch_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const coppice::graph::Program program = coppice::graph::program_from_json({reinterpret_cast<const char*>(data), size}, "input");
    const std::string text = coppice::graph::program_to_json(program);
    if (coppice::graph::program_to_json(coppice::graph::program_from_json(text, "again")) != text) std::abort();
    coppice::graph::pytorch_source(program);
    coppice::graph::couple(program);
  } catch (const coppice::InputError&) {
  }
  return 0;
}
