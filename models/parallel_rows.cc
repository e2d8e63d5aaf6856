#include "models/parallel_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace coppice {

void for_rows(std::int64_t rows, std::int64_t width, const std::function<void(std::int64_t begin, std::int64_t end)>& body) {
  constexpr std::int64_t kFewestElements = 1 << 14;
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kFewestElements / std::max<std::int64_t>(1, width)), body);
}

}  // namespace coppice
