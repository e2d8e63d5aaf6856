// A model's tensors as views into one contiguous, 64-byte aligned buffer, so that copy, add, norm, encode and the
// optimizer step are one pass over memory each.
//
// Entries start at multiples of 16 elements; the padding between them is always zero, hence invisible to sums and
// norms. Indices, digests and masks use each entry's logical row-major order (conv weights O,I,H,W) whatever a kernel
// does inside.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/block.h"
#include "core/digest.h"

namespace coppice {

struct ArenaEntry {
  std::string name;                 // "layer1.0.conv1.weight"; the name in safetensors
  std::vector<std::int64_t> shape;  // logical, row-major
  std::int64_t offset = 0;          // in elements, multiple of kArenaAlignment
  std::int64_t numel = 0;
};

constexpr std::int64_t kArenaAlignment = 16;
constexpr std::size_t kArenaAlignmentBytes = 64;

// Names, shapes and offsets; immutable once built and shared by all arenas of that shape.
class ArenaLayout {
 public:
  // Appends an entry and returns its index. Throws Error on a duplicate name, a negative size or more than 2^40
  // elements.
  int add(std::string name, std::vector<std::int64_t> shape);

  const std::vector<ArenaEntry>& entries() const { return entries_; }
  const ArenaEntry& operator[](int index) const { return entries_[static_cast<std::size_t>(index)]; }
  int size() const { return static_cast<int>(entries_.size()); }
  int find(std::string_view name) const;  // -1 where absent
  std::int64_t padded_numel() const { return padded_numel_; }
  std::int64_t numel() const;                       // without padding
  bool operator==(const ArenaLayout& other) const;  // same names and shapes

 private:
  std::vector<ArenaEntry> entries_;
  std::map<std::string, int, std::less<>> index_;
  std::int64_t padded_numel_ = 0;
};

// Owns the buffer. Movable; copies are explicit (`clone`). `view(i)` aliases the buffer and keeps it alive; each view
// has a version counter of its own, so that writing one entry in place does not spoil what autograd saved of another.
class Arena {
 public:
  Arena();  // no entries
  // Zero-initialised; a large one takes memory only where it is written. dtype: kF32 or kBF16.
  Arena(std::string name, std::shared_ptr<const ArenaLayout> layout, DType dtype = DType::kF32);
  // Over float32 values in a file that `owner` keeps mapped, as they would lie in memory: read only, and no copy. Throws Error
  // unless they are kArenaAlignmentBytes aligned and as many as the layout's with its padding.
  Arena(std::string name, std::shared_ptr<const ArenaLayout> layout, std::shared_ptr<const void> owner, std::span<const float> values);
  Arena(Arena&&) noexcept = default;
  Arena& operator=(Arena&&) noexcept = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Lets go of the memory of an arena over a file until it is next read; does nothing to others.
  void set_aside() const;
  bool in_file() const { return in_file_; }

  Arena clone() const;
  Arena zeros_like() const;

  const std::string& name() const { return name_; }
  const ArenaLayout& layout() const { return *layout_; }
  std::shared_ptr<const ArenaLayout> shared_layout() const { return layout_; }
  DType dtype() const { return dtype_; }

  const at::Tensor& view(int index) const { return views_[static_cast<std::size_t>(index)]; }
  const std::vector<at::Tensor>& views() const { return views_; }
  const at::Tensor& flat() const { return flat_; }  // all padded elements, 1-D

  // float32 arenas only.
  std::span<float> floats() const;           // the whole padded buffer
  std::span<float> floats(int index) const;  // one entry

  void copy_from(const Arena& other);  // same layout; converts the dtype
  void fill(float value);              // padding stays zero
  double squared_norm() const;         // accumulated in double, entry by entry
  Digest digest() const;  // names, shapes, dtype and values, without padding

 private:
  void make_views();

  std::string name_;
  std::shared_ptr<const ArenaLayout> layout_;
  bool in_file_ = false;
  DType dtype_ = DType::kF32;
  at::Tensor flat_;
  std::vector<at::Tensor> views_;
};

}  // namespace coppice
