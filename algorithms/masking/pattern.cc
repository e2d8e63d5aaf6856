#include "algorithms/masking/pattern.h"

#include <charconv>
#include <optional>

#include "core/config_text.h"
#include "core/error.h"

namespace coppice {
namespace {

constexpr std::int64_t kLargestM = 64;
constexpr std::int64_t kLargestSide = 1024;

// "<first><separator><second>", both without sign or leading zero; false for anything else.
bool two_numbers(std::string_view text, char separator, Pattern& pattern) {
  const std::size_t cut = text.find(separator);
  if (cut == std::string_view::npos) return false;
  const auto number = [](std::string_view digits, std::int64_t& value) {
    if (digits.empty() || digits.size() > 4 || digits.front() < '1' || digits.front() > '9') return false;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  return number(text.substr(0, cut), pattern.first) && number(text.substr(cut + 1), pattern.second);
}

std::optional<Pattern> find_pattern(std::string_view text) {
  if (text == "channels") return Pattern{Pattern::Kind::kChannels};
  if (text == "unstructured") return Pattern{Pattern::Kind::kUnstructured};
  Pattern pattern{Pattern::Kind::kNOfM};
  if (two_numbers(text, ':', pattern) && pattern.first < pattern.second && pattern.second <= kLargestM) return pattern;
  pattern = {Pattern::Kind::kVectors};
  if (two_numbers(text, 'x', pattern) && pattern.first <= kLargestSide && pattern.second <= kLargestSide)
    return pattern;
  return std::nullopt;
}

}  // namespace

const std::vector<std::string>& PatternText::forms() {
  static const std::vector<std::string> kForms = {"channels", "unstructured", "N:M with N < M <= 64 (2:4)", "RxC up to 1024x1024 (32x1)"};
  return kForms;
}

bool PatternText::take(const std::string& text) {
  text_ = text;
  return find_pattern(text).has_value();
}

Pattern make_pattern(const PatternConfig& config) {
  if (const auto* own = std::get_if<Custom<MaskPattern>>(&config)) {
    return {.kind = Pattern::Kind::kCustom, .own = std::make_shared<const Custom<MaskPattern>>(*own)};
  }
  return parse_pattern(std::get<PatternText>(config).text());
}

Pattern parse_pattern(std::string_view text) {
  if (const std::optional<Pattern> pattern = find_pattern(text)) return *pattern;
  const std::string nearest = nearest_name(text, {"channels", "unstructured", "2:4", "32x1", "16x1"});
  throw InputError("pattern: found " + coppice::quoted(text) + "; expected " + joined(PatternText::forms(), ", ") +
                   (nearest.empty() ? "" : " (did you mean " + nearest + "?)"));
}

std::string to_string(const Pattern& pattern) {
  switch (pattern.kind) {
    case Pattern::Kind::kChannels:
      return "channels";
    case Pattern::Kind::kUnstructured:
      return "unstructured";
    case Pattern::Kind::kNOfM:
      return std::to_string(pattern.first) + ":" + std::to_string(pattern.second);
    case Pattern::Kind::kVectors:
      return std::to_string(pattern.first) + "x" + std::to_string(pattern.second);
    case Pattern::Kind::kCustom:
      return pattern.own->name();
  }
  return "";
}

std::vector<PatternMatrix> covered_matrices(const PrunableStructure& structure, const Pattern& pattern, bool edge) {
  std::vector<PatternMatrix> covered;
  if (pattern.kind == Pattern::Kind::kChannels) return covered;
  for (const PatternMatrix& matrix : structure.matrices) {
    if (!matrix.edge || edge || pattern.kind == Pattern::Kind::kUnstructured) covered.push_back(matrix);
  }
  return covered;
}

}  // namespace coppice
