// CsvReader on arbitrary bytes: an InputError, or records as wide as the header, of which not even an empty field costs
// less than a byte of input.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    coppice::CsvReader reader({reinterpret_cast<const char*>(data), size}, ',', "input");
    std::size_t records = 0;
    for (std::vector<std::string> fields; reader.next(fields); ++records) {
      if (fields.size() != reader.header().size() || records > size) std::abort();
      for (std::size_t c = 0; c < fields.size(); ++c) {
        std::int32_t whole = 0;
        if (!coppice::csv_integer(fields[c], whole)) continue;
        if (coppice::csv_number(reader, c, fields[c]) != static_cast<float>(whole)) std::abort();
      }
    }
  } catch (const coppice::InputError&) {
  }
  return 0;
}
