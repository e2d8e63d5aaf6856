// Examples with their targets, read by index: what every source yields and every training loop consumes.
//
// Shapes: B examples of one read, N all examples, H height, W width, C channels, F features, T tokens, V vocabulary, L
// labels or outputs of one example.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "data/resident_bound.h"

namespace coppice {

// What one example looks like, before and after `read_*`.
struct ExampleSpec {
  enum class Kind : std::uint8_t { kImage, kFeatures, kTokens, kBagOfWords };
  enum class Target : std::uint8_t { kClass, kMultiLabel, kRegression, kNextToken, kWords };

  Kind kind = Kind::kFeatures;
  std::vector<std::int64_t> shape;  // image: H, W, C; features: F; tokens: T; bag of words: V
  Target target = Target::kClass;
  std::int64_t num_targets = 0;  // classes, labels, outputs, or the vocabulary of the next token or of the bag itself (kWords)
  std::int64_t vocabulary = 0;   // of token inputs; 0 otherwise
  std::int64_t pad_token = 0;    // stands behind the last token of a short example

  // Normalisation done by read_inputs: (value - mean) / scale, an image's value being byte / 255. One entry a channel
  // or a feature; both empty = none.
  std::vector<double> mean, scale;

  std::int64_t values_per_example() const;  // product of the shape
  void check() const;                       // throws InputError where the fields contradict each other
  std::string describe() const;             // "images 28x28x1, 10 classes"
  bool operator==(const ExampleSpec&) const = default;
};

const char* name_of(ExampleSpec::Kind kind);
const char* name_of(ExampleSpec::Target target);
ExampleSpec::Kind example_kind(std::string_view name);      // throws InputError
ExampleSpec::Target example_target(std::string_view name);  // throws InputError

// One number an example, for instance who wrote it.
struct Column {
  std::string name;
  std::vector<std::int32_t> values;
  std::vector<std::string> labels;  // text of each value; empty where the number speaks for itself
};

// Examples that lie in one file, or came from it.
struct DataFile {
  std::string name;
  std::int64_t examples = 0;
};

// What is kept of an example's input, before normalisation; valid as long as the data set.
struct StoredInput {
  std::span<const std::byte> values;  // pixels; features (float32); tokens (2 or 4 bytes each); words (uint32)
  std::span<const std::byte> counts;  // bags: of each word, uint32
  int value_bytes = 1;
};

// What is known of every example besides its input. Exactly one of `classes` and `targets` is filled, neither for
// kNextToken and kWords.
struct Annotations {
  std::vector<std::int32_t> classes;  // N, in [0, num_targets)
  std::vector<float> targets;         // N x L, row-major
  std::vector<Column> columns;
  std::vector<std::string> class_names;  // of the classes or labels; empty = unnamed
  std::vector<DataFile> files = {};      // one behind another, in the order of the examples; empty = not known
  std::vector<std::int64_t> rows = {};   // N, of each example in its file; empty = counted from 0
  std::shared_ptr<const ResidentBound> resident = nullptr;  // of files that are mapped; null: what is read stays in memory
};

// Immutable, hence shared by threads without locks. The reads a kind does not have throw Error (a defect of the
// caller).
class Dataset {
 public:
  // The target of a position without a next token (the loss skips it).
  static constexpr std::int64_t kIgnoredTarget = -100;

  virtual ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  std::int64_t size() const { return size_; }
  const ExampleSpec& spec() const { return spec_; }

  // x: [B, H, W, C], [B, F] or [B, V] float32, contiguous, normalised.
  virtual void read_inputs(std::span<const std::int64_t> indices, float* x) const;
  // tokens: [B, T]; short examples end in pad_token.
  virtual void read_tokens(std::span<const std::int64_t> indices, std::int64_t* tokens_BT) const;
  // The token that follows each position; kIgnoredTarget where there is none.
  virtual void read_next_tokens(std::span<const std::int64_t> indices, std::int64_t* tokens_BT) const;
  // How many of an example's T tokens are not padding.
  virtual void read_lengths(std::span<const std::int64_t> indices, std::int64_t* lengths_B) const;
  // kClass only.
  void read_classes(std::span<const std::int64_t> indices, std::int64_t* classes_B) const;
  // kMultiLabel (0 or 1) and kRegression: [B, L].
  void read_targets(std::span<const std::int64_t> indices, float* targets_BL) const;

  virtual StoredInput stored_input(std::int64_t example) const = 0;
  // Adds what is stored of an example, input and target, and returns the bytes of its input. Equal examples add the same, in
  // whatever files and data sets of one spec they lie.
  std::int64_t add_example(std::int64_t example, Hasher& hasher) const;
  // Where an example lies: which of files(), and which row of it.
  struct Place {
    std::size_t file = 0;
    std::int64_t row = 0;
  };
  virtual Place place_of(std::int64_t example) const;
  const std::vector<DataFile>& files() const { return annotations_.files; }
  std::string place_text(std::int64_t example) const;  // "FILE: row 17"

  std::span<const std::int32_t> classes() const { return annotations_.classes; }  // empty where targets are not classes
  const std::vector<std::string>& class_names() const { return annotations_.class_names; }
  const Column& column(std::string_view name) const;  // throws InputError with the nearest name
  std::vector<std::string> column_names() const;

  // Of spec, inputs, targets and columns: the same data has the same digest on every machine.
  Digest digest() const { return digest_; }

 protected:
  // `inputs` is the digest of the inputs alone. Throws InputError where a count disagrees with `size` or a class with
  // the spec.
  Dataset(ExampleSpec spec, std::int64_t size, Annotations annotations, const Digest& inputs);

  void check(std::span<const std::int64_t> indices) const;  // throws Error outside [0, size)
  // After each read: keeps mapped files within their bound.
  void touched(std::size_t reads, std::int64_t bytes_of_each) const {
    if (annotations_.resident != nullptr) annotations_.resident->touched(reads, bytes_of_each);
  }

 private:
  ExampleSpec spec_;
  std::int64_t size_;
  Annotations annotations_;
  Digest digest_;
};

}  // namespace coppice
