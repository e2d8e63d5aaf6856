#include "core/error.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <limits>

namespace coppice {
namespace {

constexpr std::size_t kLongestName = 64;  // the distance is quadratic, and nobody mistypes a name longer than this

char folded(char c) { return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours; case and
// '-'/'_' count as equal.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char x = folded(a[i - 1]), y = folded(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0U : 1U)});
      if (i > 1 && j > 1 && x == folded(b[j - 2]) && y == folded(a[i - 2]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

Error& Error::within(std::string_view context) {
  message_.insert(0, std::string(context) + ": ");
  return *this;
}

std::string quoted(std::string_view text, std::size_t limit) {
  std::string out = "'";
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : escape;
    } else {
      out += c;
    }
  }
  return out + (text.size() > limit ? "...'" : "'");
}

std::string nearest_name(std::string_view found, const std::vector<std::string>& candidates) {
  if (found.empty() || found.size() > kLongestName) return "";
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestName) continue;
    const std::size_t distance = edit_distance(found, candidate);
    const std::size_t allowed = std::max<std::size_t>(1, (std::max(found.size(), candidate.size()) + 1) / 3);
    if (distance <= allowed && distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string unknown_name(std::string_view what, std::string_view found, const std::vector<std::string>& candidates) {
  std::string out = "unknown " + std::string(what) + " " + quoted(found);
  const std::string nearest = nearest_name(found, candidates);
  if (!nearest.empty()) out += " (did you mean '" + nearest + "'?)";
  if (candidates.empty()) return out;
  out += "; expected one of: ";
  for (std::size_t i = 0; i < candidates.size(); ++i) out += (i == 0 ? "" : ", ") + candidates[i];
  return out;
}

}  // namespace coppice
