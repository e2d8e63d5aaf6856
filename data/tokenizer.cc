#include "data/tokenizer.h"

#include <algorithm>

#include "core/error.h"
#include "data/unicode.h"

namespace coppice {

// One text on its way to ids.
class Tokenizer::Encoding {
 public:
  Encoding(const Tokenizer& tokenizer, std::vector<std::int64_t>& ids) : of_(tokenizer), parts_(tokenizer.parts_), ids_(ids) {}

  void text(std::string_view text) {
    without_added(of_.added_raw_, text, [this](std::string_view raw) {
      const std::string composed = parts_.compose ? composed_form(raw) : std::string();
      without_added(of_.added_composed_, parts_.compose ? composed : raw, [this](std::string_view piece) { split(piece, 0); });
    });
  }

 private:
  // Ids of the added tokens in their places, `rest` for what stands between them.
  template <class Rest>
  void without_added(const std::optional<Regex>& found_by, std::string_view text, Rest&& rest) {
    if (!found_by) {
      if (!text.empty()) rest(text);
      return;
    }
    const AddedToken* before = nullptr;
    std::string_view waiting;  // between two added tokens, until the second one says whether it takes the space
    const auto flush = [&](const AddedToken* after) {
      if (before != nullptr && before->takes_right_space) waiting = without_leading_space(waiting);
      if (after != nullptr && after->takes_left_space) waiting = without_trailing_space(waiting);
      if (!waiting.empty()) rest(waiting);
      waiting = {};
    };
    found_by->split(text, [&](std::string_view piece, bool matched) {
      if (!matched) {
        waiting = piece;
        return;
      }
      const AddedToken* token = &parts_.added[of_.added_.at(std::string(piece))];
      flush(token);
      ids_.push_back(token->id);
      before = token;
    });
    flush(nullptr);
  }

  void split(std::string_view piece, std::size_t step) {
    if (step == parts_.splits_before_space && parts_.leading_space && !piece.starts_with(' ')) {
      split_further(std::string(1, ' ').append(piece), step);
    } else {
      split_further(piece, step);
    }
  }

  void split_further(std::string_view piece, std::size_t step) {
    if (step == parts_.splits.size()) return word(piece);
    parts_.splits[step].split(piece, [this, step](std::string_view part, bool) { split(part, step + 1); });
  }

  void word(std::string_view word) {
    const auto [entry, is_new] = known_.try_emplace(std::string(word));
    if (is_new) parts_.pairs.encode(word, entry->second);
    ids_.insert(ids_.end(), entry->second.begin(), entry->second.end());
  }

  const Tokenizer& of_;
  const TokenizerParts& parts_;
  std::vector<std::int64_t>& ids_;
  std::unordered_map<std::string, std::vector<std::int64_t>> known_;  // words repeat
};

Tokenizer::Tokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
  std::vector<std::string> raw, composed;
  for (std::size_t i = 0; i < parts_.added.size(); ++i) {
    const AddedToken& token = parts_.added[i];
    const std::string looked_for = token.composed && parts_.compose ? composed_form(token.content) : token.content;
    if (looked_for.empty() || !added_.emplace(looked_for, i).second) {
      throw InputError("added_tokens: found " + quoted(token.content) + (looked_for.empty() ? "; expected a text" : " twice"));
    }
    (token.composed ? composed : raw).push_back(looked_for);
    parts_.bytes[token.id] = token.content;
  }
  if (!raw.empty()) added_raw_ = Regex::any_of(raw);
  if (!composed.empty()) added_composed_ = Regex::any_of(composed);
  for (const auto& [id, bytes] : parts_.bytes) size_ = std::max(size_, id + 1);
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text, bool special) const {
  const std::size_t well_formed = well_formed_length(text);
  if (well_formed < text.size()) throw InputError("byte " + std::to_string(well_formed) + " of the text is not UTF-8");
  std::vector<std::int64_t> ids;
  if (special) ids = parts_.prefix;
  Encoding(*this, ids).text(text);
  if (special) ids.insert(ids.end(), parts_.suffix.begin(), parts_.suffix.end());
  return ids;
}

std::string_view Tokenizer::bytes_of(std::int64_t id) const {
  const auto found = parts_.bytes.find(id);
  return found == parts_.bytes.end() ? std::string_view() : found->second;
}

std::string Tokenizer::decode(std::span<const std::int64_t> ids) const {
  std::string text;
  for (const std::int64_t id : ids) text += bytes_of(id);
  return text;
}

}  // namespace coppice
