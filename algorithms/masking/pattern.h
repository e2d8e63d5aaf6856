// Sparsity patterns as people write them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config.h"
#include "models/arena.h"
#include "models/bits.h"
#include "models/prunable_structure.h"

namespace coppice {

// A pattern that a program adds: an interface of core/extensions.h. Budgets count single weights.
class MaskPattern {
 public:
  using Interface = MaskPattern;
  virtual ~MaskPattern() = default;
  virtual void visit(FieldVisitor&) {}
  // Throws InputError where the matrix's sizes do not suit it; asked before anything is computed.
  virtual void check(const ArenaEntry& /*matrix*/) const {}
  // Which weights of a matrix stay, one bit each, from their scores, row-major: about `quota` of them, at least one.
  virtual Bits keep(const ArenaEntry& matrix, std::span<const float> scores, std::int64_t quota) const = 0;
};

// "channels"      whole units, removed physically
// "unstructured"  single weights
// "N:M"           N of each M consecutive inputs of an output
// "RxC"           blocks of R outputs by C consecutive inputs, kept or dropped together; 32x1: 32 outputs share an input
// or the name of one that the program adds
// Consecutive inputs of a convolution are input channels at one kernel position (the order of an NHWC matrix product).
struct Pattern {
  enum class Kind : std::uint8_t { kChannels, kUnstructured, kNOfM, kVectors, kCustom };
  Kind kind = Kind::kChannels;
  std::int64_t first = 0;   // N or R
  std::int64_t second = 0;  // M or C
  std::shared_ptr<const Custom<MaskPattern>> own = nullptr;  // kCustom
  bool operator==(const Pattern&) const = default;
};

// A pattern of single weights, and whether it covers the first and last layer, too.
struct ElementPattern {
  Pattern pattern{Pattern::Kind::kUnstructured};
  bool edge = true;
};

// A built-in pattern, as a config writes it.
class PatternText {
 public:
  static constexpr const char* kName = "text";
  PatternText() = default;
  explicit PatternText(std::string text) : text_(std::move(text)) {}
  bool take(const std::string& text);  // false where no pattern reads so
  const std::string& text() const { return text_; }
  static const std::vector<std::string>& forms();
  void visit(FieldVisitor&) {}

 private:
  std::string text_ = "channels";
};

using PatternConfig = std::variant<PatternText, Custom<MaskPattern>>;
Pattern make_pattern(const PatternConfig& config);

// Throws InputError listing what is allowed. 1 <= N < M <= 64, 1 <= R, C <= 1024.
Pattern parse_pattern(std::string_view text);
std::string to_string(const Pattern& pattern);

// The matrices that an element pattern covers, in forward order: all for unstructured; first and last layers (`edge`)
// only on request for N:M and RxC. None for channels.
std::vector<PatternMatrix> covered_matrices(const PrunableStructure& structure, const Pattern& pattern, bool edge);

}  // namespace coppice
