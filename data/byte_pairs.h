// Byte-pair encoding (Sennrich et al. 2016, section 3.2) over bytes, as GPT-2 introduced it: a word starts as its bytes, and of all
// neighbours that have a merge the one that stands first in the list is merged, the leftmost of equals, until none is left.
// O(n log n) in the bytes of a word.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coppice {

// GPT-2 writes each byte as one character: printable Latin-1 as itself, the others from U+0100 on.
std::string byte_characters(std::string_view bytes);
// Back to bytes; nothing where a character stands for no byte.
std::optional<std::string> bytes_of_characters(std::string_view characters);

class BytePairs {
 public:
  // `tokens`: bytes of each token and its id, at least 0 and below 2^31. `merges` in their order. `whole_words`: a word that is a token is not
  // taken apart. Throws InputError where a merge names or makes no token.
  BytePairs(std::unordered_map<std::string, std::int64_t> tokens, const std::vector<std::pair<std::string, std::string>>& merges,
            bool whole_words);

  // Appends the ids of a word. A byte that no token stands for is left out.
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;

 private:
  struct Merge {
    std::int64_t rank;
    std::int64_t id;  // what the two become
  };
  const Merge* merge_of(std::int64_t left, std::int64_t right) const;

  std::unordered_map<std::string, std::int64_t> tokens_;
  std::unordered_map<std::uint64_t, Merge> merges_;
  std::array<std::int64_t, 256> bytes_;  // -1: no token
  bool whole_words_;
};

}  // namespace coppice
