// Bags of words kept as sparse counts, read as dense rows.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/digest.h"
#include "data/dataset.h"
#include "data/rows.h"

namespace coppice {

// Bags one behind another: bag b is entries [offsets[b], offsets[b + 1]) of `words` and `counts`.
struct BagPiece {
  SharedBytes offsets;  // uint64, ascending from 0 to the number of entries; checked by whoever made the piece
  SharedBytes words;    // uint32
  SharedBytes counts;   // uint32
};

// A read adds each entry's count to its word's place: [B, V] float32. Throws InputError for a word outside the
// vocabulary, and where words are the target but no bag has any.
std::shared_ptr<const Dataset> make_bags(ExampleSpec spec, std::vector<BagPiece> pieces, Annotations annotations,
                                         std::optional<Digest> inputs = {});

}  // namespace coppice
