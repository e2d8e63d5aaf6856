// Texts of one column as numbers, the same whatever the order of the rows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace coppice {

class Numbering {
 public:
  enum class Keep : std::uint8_t {
    kWholeNumbers,  // whole numbers stand for themselves
    kZeroToK,       // only where they are exactly 0..K-1
  };

  // Texts that do not stand for themselves are numbered 0, 1, ... in order: whole numbers by value, anything else as
  // text.
  Numbering(std::span<const std::string> texts, Keep keep);

  std::optional<std::int32_t> find(const std::string& text) const;
  const std::vector<std::string>& names() const {
    return names_;
  }                                              // by number; empty where numbers stand for themselves
  std::int64_t count() const { return count_; }  // distinct values

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::int32_t> numbers_;  // of names_
  std::int64_t count_ = 0;
};

}  // namespace coppice
