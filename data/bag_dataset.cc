#include "data/bag_dataset.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "core/error.h"

namespace coppice {
namespace {

template <class T>
std::span<const T> values_of(const SharedBytes& shared) {
  return {reinterpret_cast<const T*>(shared.bytes.data()), shared.bytes.size() / sizeof(T)};
}

PieceIndex index_of(const std::vector<BagPiece>& pieces) {
  PieceIndex index;
  for (const BagPiece& piece : pieces) {
    const auto bounds = static_cast<std::int64_t>(values_of<std::uint64_t>(piece.offsets).size());
    index.add_piece(std::max<std::int64_t>(bounds - 1, 0));
  }
  return index;
}

class Bags final : public Dataset {
 public:
  Bags(ExampleSpec spec, std::vector<BagPiece> pieces, Annotations annotations, const Digest& inputs)
      : Dataset(std::move(spec), index_of(pieces).size(), std::move(annotations), inputs),
        pieces_(std::move(pieces)),
        index_(index_of(pieces_)) {
    const bool empty = std::all_of(pieces_.begin(), pieces_.end(), [](const BagPiece& piece) { return piece.words.bytes.empty(); });
    if (this->spec().target == ExampleSpec::Target::kWords && size() > 0 && empty) {
      throw InputError("found no word of the vocabulary in any of " + std::to_string(size()) + " documents; expected some, to model topics of");
    }
  }

  void read_inputs(std::span<const std::int64_t> indices, float* x) const override {
    check(indices);
    const std::int64_t vocabulary = spec().shape[0];
    for (const std::int64_t i : indices) {
      std::fill(x, x + vocabulary, 0.0F);
      const auto [p, row] = index_.find(i);
      const auto bounds = values_of<std::uint64_t>(pieces_[p].offsets);
      const auto words = values_of<std::uint32_t>(pieces_[p].words);
      const auto counts = values_of<std::uint32_t>(pieces_[p].counts);
      for (std::uint64_t e = bounds[static_cast<std::size_t>(row)]; e < bounds[static_cast<std::size_t>(row) + 1];
           ++e) {
        if (words[e] >= vocabulary) {
          throw InputError("word " + std::to_string(words[e]) + " of example " + std::to_string(i) +
                           " is outside the vocabulary of " + std::to_string(vocabulary));
        }
        x[words[e]] += static_cast<float>(counts[e]);
      }
      x += vocabulary;
      touched(1, static_cast<std::int64_t>(bounds[static_cast<std::size_t>(row) + 1] - bounds[static_cast<std::size_t>(row)]) * 8);
    }
  }

  StoredInput stored_input(std::int64_t example) const override {
    check(std::span(&example, 1));
    const auto [p, row] = index_.find(example);
    const auto bounds = values_of<std::uint64_t>(pieces_[p].offsets);
    const std::uint64_t begin = bounds[static_cast<std::size_t>(row)] * sizeof(std::uint32_t);
    const std::uint64_t bytes = bounds[static_cast<std::size_t>(row) + 1] * sizeof(std::uint32_t) - begin;
    touched(1, static_cast<std::int64_t>(2 * bytes));
    return {pieces_[p].words.bytes.subspan(begin, bytes), pieces_[p].counts.bytes.subspan(begin, bytes), sizeof(std::uint32_t)};
  }

 private:
  std::vector<BagPiece> pieces_;
  PieceIndex index_;
};

}  // namespace

std::shared_ptr<const Dataset> make_bags(ExampleSpec spec, std::vector<BagPiece> pieces, Annotations annotations,
                                         std::optional<Digest> inputs) {
  if (!inputs) {
    Hasher hasher;
    for (const BagPiece& p : pieces) hasher.add(p.offsets.bytes).add(p.words.bytes).add(p.counts.bytes);
    inputs = hasher.finish();
  }
  return std::make_shared<Bags>(std::move(spec), std::move(pieces), std::move(annotations), *inputs);
}

}  // namespace coppice
