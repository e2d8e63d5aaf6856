#include "data/token_dataset.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace coppice {
namespace {

// Tokens [begin, begin + length) of a piece, and one more to predict where the target is the next token.
struct Window {
  std::uint64_t begin;
  std::uint32_t length;
  std::uint32_t piece;
};

bool predicts_next(const ExampleSpec& spec) { return spec.target == ExampleSpec::Target::kNextToken; }

struct Cut {
  std::vector<Window> windows;
  std::vector<std::int64_t> documents;  // of each window
};

Cut cut(const ExampleSpec& spec, const std::vector<TokenPiece>& pieces) {
  Cut result;
  const auto width = static_cast<std::uint64_t>(spec.values_per_example());
  std::int64_t document = 0;
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const auto bounds = pieces[p].bounds();
    for (std::size_t d = 0; d + 1 < bounds.size(); ++d, ++document) {
      const std::uint64_t length = bounds[d + 1] - bounds[d];
      const std::uint64_t inputs = predicts_next(spec) ? (length == 0 ? 0 : length - 1) : std::min(length, width);
      for (std::uint64_t at = 0; at < inputs || (at == 0 && !predicts_next(spec)); at += width) {
        const auto count = static_cast<std::uint32_t>(std::min(width, inputs - at));
        result.windows.push_back({bounds[d] + at, count, static_cast<std::uint32_t>(p)});
        result.documents.push_back(document);
      }
    }
  }
  return result;
}

Annotations spread(Annotations annotations, const std::vector<std::int64_t>& documents) {
  for (Column& column : annotations.columns) {
    std::vector<std::int32_t> values;
    values.reserve(documents.size());
    for (const std::int64_t d : documents) values.push_back(column.values.at(static_cast<std::size_t>(d)));
    column.values = std::move(values);
  }
  return annotations;
}

class Tokens final : public Dataset {
 public:
  Tokens(ExampleSpec spec, std::vector<TokenPiece> pieces, Cut examples, Annotations annotations, const Digest& inputs)
      : Dataset(std::move(spec), static_cast<std::int64_t>(examples.windows.size()),
                spread(std::move(annotations), examples.documents), inputs),
        pieces_(std::move(pieces)),
        windows_(std::move(examples.windows)) {}

  void read_tokens(std::span<const std::int64_t> indices, std::int64_t* tokens_BT) const override {
    read(indices, 0, spec().pad_token, tokens_BT);
  }

  void read_next_tokens(std::span<const std::int64_t> indices, std::int64_t* tokens_BT) const override {
    if (!predicts_next(spec())) return Dataset::read_next_tokens(indices, tokens_BT);
    read(indices, 1, kIgnoredTarget, tokens_BT);
  }

  StoredInput stored_input(std::int64_t example) const override {
    check(std::span(&example, 1));
    const Window& window = windows_[static_cast<std::size_t>(example)];
    const TokenPiece& piece = pieces_[window.piece];
    const auto bytes = static_cast<std::uint64_t>(piece.token_bytes);
    touched(1, static_cast<std::int64_t>(window.length * bytes));
    // The token behind the last one is a target.
    const std::uint64_t targets = predicts_next(spec()) ? 1 : 0;
    return {piece.tokens.bytes.subspan(window.begin * bytes, (window.length + targets) * bytes), {}, piece.token_bytes};
  }

  Place place_of(std::int64_t example) const override {
    const Window& window = windows_.at(static_cast<std::size_t>(example));
    const auto bounds = pieces_[window.piece].bounds();
    const auto next = std::upper_bound(bounds.begin(), bounds.end(), window.begin);
    return {window.piece, next - bounds.begin() - 1};
  }

  void read_lengths(std::span<const std::int64_t> indices, std::int64_t* lengths_B) const override {
    check(indices);
    for (const std::int64_t i : indices) *lengths_B++ = windows_[static_cast<std::size_t>(i)].length;
  }

 private:
  void read(std::span<const std::int64_t> indices, std::uint64_t shift, std::int64_t padding, std::int64_t* out) const {
    check(indices);
    const std::int64_t width = spec().values_per_example();
    for (const std::int64_t i : indices) {
      const Window& window = windows_[static_cast<std::size_t>(i)];
      const TokenPiece& piece = pieces_[window.piece];
      if (piece.token_bytes == 2) {
        copy<std::uint16_t>(piece, window.begin + shift, window.length, out);
      } else {
        copy<std::uint32_t>(piece, window.begin + shift, window.length, out);
      }
      std::fill(out + window.length, out + width, padding);
      out += width;
      touched(1, static_cast<std::int64_t>(window.length) * piece.token_bytes);
    }
  }

  template <class Token>
  void copy(const TokenPiece& piece, std::uint64_t begin, std::uint32_t length, std::int64_t* out) const {
    const auto* tokens = reinterpret_cast<const Token*>(piece.tokens.bytes.data()) + begin;
    for (std::uint32_t t = 0; t < length; ++t) {
      if (static_cast<std::int64_t>(tokens[t]) >= spec().vocabulary) {
        throw InputError("token " + std::to_string(tokens[t]) + " is outside the vocabulary of " +
                         std::to_string(spec().vocabulary));
      }
      out[t] = tokens[t];
    }
  }

  std::vector<TokenPiece> pieces_;
  std::vector<Window> windows_;
};

Digest digest_pieces(const std::vector<TokenPiece>& pieces) {
  Hasher hasher;
  for (const TokenPiece& piece : pieces)
    hasher.add_value(piece.token_bytes).add(piece.offsets.bytes).add(piece.tokens.bytes);
  return hasher.finish();
}

}  // namespace

std::shared_ptr<const Dataset> make_tokens(ExampleSpec spec, std::vector<TokenPiece> pieces, Annotations annotations,
                                           std::optional<Digest> inputs) {
  spec.check();
  const Digest digest = inputs ? *inputs : digest_pieces(pieces);
  Cut examples = cut(spec, pieces);
  return std::make_shared<Tokens>(std::move(spec), std::move(pieces), std::move(examples), std::move(annotations),
                                  digest);
}

}  // namespace coppice
