#include "data/numbering.h"

#include <set>
#include <utility>

#include "data/csv.h"

namespace coppice {

Numbering::Numbering(std::span<const std::string> texts, Keep keep) {
  const std::set<std::string> distinct(texts.begin(), texts.end());
  std::set<std::int32_t> values;
  std::set<std::pair<std::int32_t, std::string>> by_value;
  bool whole = true;
  for (const std::string& text : distinct) {
    std::int32_t value = 0;
    whole = whole && csv_integer(text, value);
    values.insert(value);
    by_value.emplace(value, text);
  }
  const bool dense =
      !values.empty() && *values.begin() == 0 && *values.rbegin() == static_cast<std::int64_t>(values.size()) - 1;
  count_ = static_cast<std::int64_t>(whole ? values.size() : distinct.size());
  if (whole && (keep == Keep::kWholeNumbers || dense)) return;
  if (whole) {
    for (const auto& [value, text] : by_value) names_.push_back(text);
    count_ = static_cast<std::int64_t>(names_.size());
  } else {
    names_.assign(distinct.begin(), distinct.end());
  }
  for (std::size_t i = 0; i < names_.size(); ++i) numbers_.emplace(names_[i], static_cast<std::int32_t>(i));
}

std::optional<std::int32_t> Numbering::find(const std::string& text) const {
  std::int32_t value = 0;
  if (names_.empty()) return csv_integer(text, value) ? std::optional(value) : std::nullopt;
  const auto found = numbers_.find(text);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace coppice
