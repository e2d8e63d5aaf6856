// Text to tokens and back, as a tokenizer.json of byte-level byte-pair encoding says (GPT-2, SmolLM2, Llama 3, Qwen, ...).
//
//   text -> added tokens are cut out -> NFC where asked for -> split by expressions -> each piece's bytes merged -> ids
//
// Ids are those of Hugging Face's `tokenizers`. Read are the normaliser NFC; the pre-tokenizers Sequence, Split (isolated), Digits and
// ByteLevel; the model BPE; the post-processors ByteLevel and TemplateProcessing; the decoder ByteLevel. Whatever else a file has is
// refused by name. Truncation and padding, which belong to batches, are passed over. A byte that has no token is left out, as
// there; but what stands for no byte is decoded as it is written. Immutable, hence shared by threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/byte_pairs.h"
#include "data/regex.h"

namespace coppice {

struct AddedToken {
  std::int64_t id = 0;
  std::string content;
  bool takes_left_space = false;
  bool takes_right_space = false;
  bool composed = false;  // looked for in the normalised text
};

// What a tokenizer.json says. `splits` are done one after another, each on the pieces of the one before.
struct TokenizerParts {
  std::vector<AddedToken> added;
  bool compose = false;  // NFC
  std::vector<Regex> splits;
  bool leading_space = false;  // before a piece that has none, ahead of the last split
  std::size_t splits_before_space = 0;
  BytePairs pairs;
  std::unordered_map<std::int64_t, std::string> bytes;  // of each id
  std::vector<std::int64_t> prefix, suffix;             // of a text, where special tokens are asked for
};

class Tokenizer {
 public:
  // Throws InputError on added tokens that are empty or stand twice.
  explicit Tokenizer(TokenizerParts parts);

  // Throws InputError on text that is not well-formed UTF-8. `special`: with the tokens that the file puts around a text.
  std::vector<std::int64_t> encode(std::string_view text, bool special) const;
  // Bytes of a token; none for an id without one, which padded vocabularies have.
  std::string_view bytes_of(std::int64_t id) const;
  std::string decode(std::span<const std::int64_t> ids) const;

  std::int64_t size() const { return size_; }  // the largest id and one
  std::span<const std::int64_t> prefix() const { return parts_.prefix; }
  std::span<const std::int64_t> suffix() const { return parts_.suffix; }

 private:
  class Encoding;

  TokenizerParts parts_;
  std::unordered_map<std::string, std::size_t> added_;  // where in parts_.added, by what is looked for
  std::optional<Regex> added_raw_, added_composed_;  // expressions that find them
  std::int64_t size_ = 0;
};

// `where` names the file. Throws InputError.
Tokenizer parse_tokenizer(std::string_view json, const std::string& where);
// tokenizer.json of a folder.
Tokenizer read_tokenizer(const std::string& folder);

}  // namespace coppice
