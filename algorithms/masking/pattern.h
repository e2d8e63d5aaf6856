// Sparsity patterns as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/prunable_structure.h"

namespace coppice {

// "channels"      whole units, removed physically
// "unstructured"  single weights
// "N:M"           N of each M consecutive inputs of an output
// "RxC"           blocks of R outputs by C consecutive inputs, kept or dropped together; 32x1: 32 outputs share an input
// Consecutive inputs of a convolution are input channels at one kernel position (the order of an NHWC matrix product).
struct Pattern {
  enum class Kind : std::uint8_t { kChannels, kUnstructured, kNOfM, kVectors };
  Kind kind = Kind::kChannels;
  std::int64_t first = 0;   // N or R
  std::int64_t second = 0;  // M or C
  bool operator==(const Pattern&) const = default;
};

// A pattern of single weights, and whether it covers the first and last layer, too.
struct ElementPattern {
  Pattern pattern{Pattern::Kind::kUnstructured};
  bool edge = true;
};

// Throws InputError listing what is allowed. 1 <= N < M <= 64, 1 <= R, C <= 1024.
Pattern parse_pattern(std::string_view text);
std::string to_string(const Pattern& pattern);

// The matrices that an element pattern covers, in forward order: all for unstructured; first and last layers (`edge`)
// only on request for N:M and RxC. None for channels.
std::vector<PatternMatrix> covered_matrices(const PrunableStructure& structure, const Pattern& pattern, bool edge);

}  // namespace coppice
