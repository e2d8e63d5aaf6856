#include "models/prunable_structure.h"

namespace coppice {

std::vector<std::int64_t> PrunableStructure::full_widths() const {
  std::vector<std::int64_t> widths;
  widths.reserve(families.size());
  for (const Family& family : families) widths.push_back(family.num_groups);
  return widths;
}

}  // namespace coppice
