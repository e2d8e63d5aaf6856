#include "data/regex.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::uint32_t kMostSteps = 10'000'000;
constexpr std::size_t kLongestPattern = 16384;

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// Refuses what the two dialects read differently; writes white space out as the property that Oniguruma means by \s.
class Translation {
 public:
  Translation(std::string_view pattern, const std::string& where) : rest_(pattern), pattern_(pattern), where_(where) {
    if (pattern.size() > kLongestPattern) refuse("more than 16384 bytes");
    while (!rest_.empty()) element();
    if (in_class_) refuse("[");
  }

  std::string take() { return std::move(result_); }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    throw InputError(where_ + ": found " + quoted(what) + " in the expression " + quoted(pattern_) +
                     "; expected only what Oniguruma and PCRE2 read alike");
  }

  char next() const { return rest_.size() > 1 ? rest_[1] : '\0'; }

  void copy(std::size_t count) {
    result_ += rest_.substr(0, count);
    rest_.remove_prefix(std::min(count, rest_.size()));
  }

  void element() {
    const char c = rest_.front();
    if (c == '\\') return escape();
    if (in_class_) return class_element(c);
    if (c == '[') {
      in_class_ = true;
      copy(next() == '^' ? 2 : 1);
      if (rest_.starts_with(']')) refuse("[]");
    } else if (c == '(' && next() == '?') {
      group();
    } else if (is_one_of(c, "^$.") || (c == '}' && next() == '+')) {
      refuse(rest_.substr(0, c == '}' ? 2 : 1));
    } else {
      copy(1);
    }
  }

  void class_element(char c) {
    if (c == '[' || (c == '&' && next() == '&')) refuse(rest_.substr(0, 2));
    if (c == ']') in_class_ = false;
    copy(1);
  }

  void group() {
    for (const char* known : {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!"}) {
      if (rest_.starts_with(known)) return copy(std::string_view(known).size());
    }
    refuse(rest_.substr(0, 3));
  }

  void escape() {
    const char c = next();
    if (c == 's' || c == 'S') {
      result_ += c == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
      rest_.remove_prefix(2);
    } else if (c == 'p' || c == 'P') {
      const std::size_t end = rest_.find('}');
      if (rest_.size() < 3 || rest_[2] != '{' || end == std::string_view::npos || is_one_of(rest_[3], "^")) refuse(rest_.substr(0, 2));
      copy(end + 1);
    } else if (is_one_of(c, "drnt") || (c > ' ' && c < 0x7F && !std::isalnum(static_cast<unsigned char>(c)))) {
      copy(2);
    } else {
      refuse(rest_.substr(0, 2));
    }
  }

  std::string_view rest_;
  std::string_view pattern_;
  const std::string& where_;
  std::string result_;
  bool in_class_ = false;
};

}  // namespace

struct Regex::Program {
  explicit Program(const std::string& pattern) {
    int error = 0;
    PCRE2_SIZE at = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                         &error, &at, nullptr);
    if (code == nullptr) {
      char message[128] = {};
      pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
      throw InputError("the expression " + quoted(pattern) + ": " + message + " at byte " + std::to_string(at));
    }
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without it matches are slower, not other
    limits = pcre2_match_context_create(nullptr);
    pcre2_set_match_limit(limits, kMostSteps);
  }
  ~Program() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;
};

Regex::Regex(const std::string& translated_pattern) : program_(std::make_shared<const Program>(translated_pattern)) {}

Regex::Regex(std::string_view pattern, const std::string& where) {
  try {
    program_ = std::make_shared<const Program>(Translation(pattern, where).take());
  } catch (InputError& error) {
    if (!std::string_view(error.what()).starts_with(where)) error.within(where);
    throw;
  }
}

Regex Regex::any_of(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  std::string pattern;
  for (const std::string& text : texts) {
    if (!pattern.empty()) pattern += '|';
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) pattern += '\\';
      pattern += c;
    }
  }
  return Regex(pattern);
}

void Regex::split(std::string_view text, const std::function<void(std::string_view, bool)>& take) const {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(program_->code, nullptr), &pcre2_match_data_free);
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
  std::size_t done = 0, from = 0;
  const auto hand_on = [&](std::size_t end, bool matched) {
    if (end > done) take(text.substr(done, end - done), matched);
    done = end;
  };
  while (from < text.size()) {
    const int status = pcre2_match(program_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, PCRE2_NO_UTF_CHECK,
                                   match.get(), program_->limits);
    if (status == PCRE2_ERROR_NOMATCH) break;
    if (status < 0) throw InputError("a text that takes too many steps to split: " + quoted(text));
    hand_on(bounds[0], false);
    hand_on(bounds[1], true);
    from = bounds[1];
    if (bounds[1] > bounds[0]) continue;
    do ++from;  // behind an empty match: the next code point
    while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80U);
  }
  hand_on(text.size(), false);
}

}  // namespace coppice
