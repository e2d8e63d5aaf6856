// Loops over rows that do not depend on each other, spread over the threads of the process.
#pragma once

#include <cstdint>
#include <functional>

namespace coppice {

// Calls body(begin, end) for parts of [0, rows) that cover it, at once where there are threads. What a body writes must be its rows' own, and
// what is summed over rows must be added up afterwards: the cut depends on the number of threads. `width`: elements of a row, of which a
// thread takes at least enough to be worth waking.
void for_rows(std::int64_t rows, std::int64_t width, const std::function<void(std::int64_t begin, std::int64_t end)>& body);

}  // namespace coppice
