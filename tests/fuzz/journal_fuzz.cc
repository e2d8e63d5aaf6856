// Journals: what a crash, a broken disk or anybody left in the file.
#include "tests/core/parser_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coppice::parse_any_journal({data, size});
  return 0;
}
