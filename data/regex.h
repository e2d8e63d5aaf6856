// Regular expressions over Unicode, as tokenizer.json holds them, and texts taken apart by them.
//
// Those files are written for Oniguruma's dialect, and the expressions are matched by PCRE2. Read is what both understand alike: literals,
// \p{..}, \s, \S, \d, \r, \n, \t, escaped punctuation, classes of these, groups, (?i: ), look-ahead and look-behind, alternatives and
// quantifiers. Anything else is refused. Categories are those of PCRE2's Unicode version: characters that are younger may be split
// elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

class Regex {
 public:
  // `where` names the expression in messages. Throws InputError.
  Regex(std::string_view pattern, const std::string& where);
  // Matches the longest of these texts that stands at a place. At least one, none empty.
  static Regex any_of(std::vector<std::string> texts);

  // Hands on `text` piece by piece, none empty: what matches and, with false, what stands between the matches. Well-formed UTF-8.
  // Throws InputError where a match takes too many steps.
  void split(std::string_view text, const std::function<void(std::string_view piece, bool matched)>& take) const;

 private:
  struct Program;
  explicit Regex(const std::string& translated_pattern);
  std::shared_ptr<const Program> program_;
};

}  // namespace coppice
