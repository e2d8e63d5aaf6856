// Documents of tokens, cut into examples of T tokens.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/digest.h"
#include "data/dataset.h"
#include "data/rows.h"

namespace coppice {

// Documents one behind another: document d is tokens [offsets[d], offsets[d + 1]).
struct TokenPiece {
  SharedBytes tokens;   // uint16 or uint32
  SharedBytes offsets;  // uint64, ascending from 0 to the number of tokens; checked by whoever made the piece
  int token_bytes = 2;  // 2 or 4

  std::span<const std::uint64_t> bounds() const {
    return {reinterpret_cast<const std::uint64_t*>(offsets.bytes.data()), offsets.bytes.size() / sizeof(std::uint64_t)};
  }
};

// kNextToken: a document of n tokens becomes ceil((n - 1) / T) examples, none reaching into another document, so that
// every token but a document's first is predicted exactly once; documents below two tokens become none. Other targets:
// one example a document, cut after T tokens. `annotations` are the documents'; columns are handed on to each of their
// examples.
std::shared_ptr<const Dataset> make_tokens(ExampleSpec spec, std::vector<TokenPiece> pieces, Annotations annotations,
                                           std::optional<Digest> inputs = {});

}  // namespace coppice
