#include "data/byte_pairs.h"

#include <functional>
#include <queue>
#include <tuple>

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::int64_t kNone = -1;

bool stands_for_itself(int byte) { return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE; }

// Code point of each byte's character.
const std::array<int, 256>& characters() {
  static const std::array<int, 256> table = [] {
    std::array<int, 256> made{};
    int next = 0x100;
    for (int byte = 0; byte < 256; ++byte) made[static_cast<std::size_t>(byte)] = stands_for_itself(byte) ? byte : next++;
    return made;
  }();
  return table;
}

std::uint64_t pair_key(std::int64_t left, std::int64_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
}

}  // namespace

std::string byte_characters(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    const int c = characters()[static_cast<unsigned char>(byte)];
    if (c >= 0x80) text += static_cast<char>(0xC0 | c >> 6);
    text += static_cast<char>(c < 0x80 ? c : 0x80 | (c & 0x3F));
  }
  return text;
}

std::optional<std::string> bytes_of_characters(std::string_view text) {
  static const std::unordered_map<int, char> bytes = [] {
    std::unordered_map<int, char> made;
    for (int byte = 0; byte < 256; ++byte) made[characters()[static_cast<std::size_t>(byte)]] = static_cast<char>(byte);
    return made;
  }();
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    int c = static_cast<unsigned char>(text[at]);
    if (c >= 0x80 && ++at < text.size()) c = (c & 0x1F) << 6 | (static_cast<unsigned char>(text[at]) & 0x3F);  // the table ends below U+0800
    const auto found = bytes.find(c);
    if (found == bytes.end()) return std::nullopt;
    result += found->second;
  }
  return byte_characters(result) == text ? std::optional(result) : std::nullopt;  // not so for longer sequences
}

BytePairs::BytePairs(std::unordered_map<std::string, std::int64_t> tokens,
                     const std::vector<std::pair<std::string, std::string>>& merges, bool whole_words)
    : tokens_(std::move(tokens)), whole_words_(whole_words) {
  const auto id_of = [&](const std::string& bytes, std::size_t rank) {
    const auto found = tokens_.find(bytes);
    if (found == tokens_.end()) {
      throw InputError("merge " + std::to_string(rank) + ": found " + quoted(byte_characters(bytes)) + "; expected a token of the vocabulary");
    }
    return found->second;
  };
  for (std::size_t byte = 0; byte < bytes_.size(); ++byte) {
    const auto found = tokens_.find(std::string(1, static_cast<char>(byte)));
    bytes_[byte] = found == tokens_.end() ? kNone : found->second;
  }
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    merges_[pair_key(id_of(left, rank), id_of(right, rank))] = {static_cast<std::int64_t>(rank), id_of(left + right, rank)};
  }
}

const BytePairs::Merge* BytePairs::merge_of(std::int64_t left, std::int64_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairs::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  if (whole_words_) {
    if (const auto found = tokens_.find(std::string(word)); found != tokens_.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  struct Part {
    std::int64_t id;
    std::int64_t previous, next;  // kNone at the ends
  };
  std::vector<Part> parts;
  for (const char byte : word) {
    const std::int64_t id = bytes_[static_cast<unsigned char>(byte)];
    const auto at = static_cast<std::int64_t>(parts.size());
    if (id != kNone) parts.push_back({id, at - 1, at + 1});
  }
  if (parts.empty()) return;
  parts.back().next = kNone;

  // (rank, left part, id that the two become): the smallest first; what was overtaken by another merge is recognised by its ids.
  using Candidate = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](std::int64_t left) {
    if (left == kNone || parts[left].next == kNone) return;
    const Merge* merge = merge_of(parts[left].id, parts[parts[left].next].id);
    if (merge != nullptr) candidates.emplace(merge->rank, left, merge->id);
  };
  for (std::size_t p = 0; p < parts.size(); ++p) consider(static_cast<std::int64_t>(p));
  while (!candidates.empty()) {
    const auto [rank, left, id] = candidates.top();
    candidates.pop();
    if (parts[left].id == kNone || parts[left].next == kNone) continue;
    Part& right = parts[parts[left].next];
    const Merge* merge = merge_of(parts[left].id, right.id);
    if (merge == nullptr || merge->rank != rank) continue;
    parts[left].id = id;
    parts[left].next = right.next;
    if (right.next != kNone) parts[right.next].previous = left;
    right.id = kNone;
    consider(parts[left].previous);
    consider(left);
  }
  for (std::int64_t p = 0; p != kNone; p = parts[p].next) ids.push_back(parts[p].id);
}

}  // namespace coppice
