// Configs: a file as a person, or anybody, wrote it, and overrides from a command line.
#include "tests/core/parser_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coppice::parse_any_yaml({data, size});
  return 0;
}
