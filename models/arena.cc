#include "models/arena.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include "core/clones.h"
#include "core/error.h"
#include "core/pages.h"
#include "models/shape_text.h"
#include "models/support.h"

namespace coppice {
namespace {

constexpr std::int64_t kLargestNumel = std::int64_t{1} << 40;
constexpr std::size_t kFewestBytesOfPages = std::size_t{16} << 20;  // below, the heap does as well and is quicker

std::vector<std::int64_t> row_major_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<std::int64_t>(shape[i], 1);
  return strides;
}

std::shared_ptr<const ArenaLayout> no_entries() {
  static const auto layout = std::make_shared<const ArenaLayout>();
  return layout;
}

at::Tensor zeroed(std::int64_t numel, const at::TensorOptions& options) {
  const std::size_t bytes = static_cast<std::size_t>(numel) * options.dtype().itemsize();
  if (bytes < kFewestBytesOfPages) return at::zeros({numel}, options);
  const auto pages = std::make_shared<const Pages>(bytes);
  return at::from_blob(pages->bytes().data(), {numel}, [pages](void*) {}, options);
}

// Sixteen running sums so that the loop vectorizes without reassociating what the source says.
COPPICE_CLONES double squared_sum(std::span<const float> x) {
  constexpr std::size_t kLanes = 16;
  double sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) {
      const double value = x[i + j];
      sums[j] += value * value;
    }
  }
  for (std::size_t j = 0; i + j < x.size(); ++j) sums[j] += static_cast<double>(x[i + j]) * x[i + j];
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

int ArenaLayout::add(std::string name, std::vector<std::int64_t> shape) {
  if (index_.contains(name)) throw Error("tensor " + coppice::quoted(name) + " is declared twice");
  std::int64_t numel = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) throw Error("tensor " + coppice::quoted(name) + ": negative size in shape " + shape_text(shape));
    if (__builtin_mul_overflow(numel, size, &numel) || numel > kLargestNumel) {
      throw InputError("tensor " + coppice::quoted(name) + ": shape " + shape_text(shape) +
                       " has more than 2^40 elements");
    }
  }
  const int index = this->size();
  index_.emplace(name, index);
  entries_.push_back({std::move(name), std::move(shape), padded_numel_, numel});
  padded_numel_ += (numel + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
  return index;
}

int ArenaLayout::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? -1 : found->second;
}

std::int64_t ArenaLayout::numel() const {
  std::int64_t total = 0;
  for (const ArenaEntry& entry : entries_) total += entry.numel;
  return total;
}

bool ArenaLayout::operator==(const ArenaLayout& other) const {
  if (this == &other) return true;
  if (entries_.size() != other.entries_.size()) return false;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name != other.entries_[i].name || entries_[i].shape != other.entries_[i].shape) return false;
  }
  return true;
}

Arena::Arena() : Arena("", no_entries()) {}

Arena::Arena(std::string name, std::shared_ptr<const ArenaLayout> layout, DType dtype)
    : name_(std::move(name)), layout_(std::move(layout)), dtype_(dtype) {
  if (dtype != DType::kF32 && dtype != DType::kBF16) {
    throw Error("arena " + coppice::quoted(name_) + ": found dtype " + name_of(dtype) + "; expected f32 or bf16");
  }
  const auto options = at::TensorOptions().dtype(scalar_type_of(dtype)).device(at::kCPU);
  flat_ = zeroed(layout_->padded_numel(), options);
  make_views();
}

Arena::Arena(std::string name, std::shared_ptr<const ArenaLayout> layout, std::shared_ptr<const void> owner,
             std::span<const float> values)
    : name_(std::move(name)), layout_(std::move(layout)), in_file_(true) {
  if (static_cast<std::int64_t>(values.size()) != layout_->padded_numel()) {
    throw Error("arena " + coppice::quoted(name_) + ": found " + std::to_string(values.size()) + " values; expected " +
                std::to_string(layout_->padded_numel()));
  }
  flat_ = at::from_blob(const_cast<float*>(values.data()), {layout_->padded_numel()}, [owner = std::move(owner)](void*) {},
                        at::TensorOptions().dtype(at::kFloat));
  make_views();
}

void Arena::set_aside() const {
  if (in_file_) set_aside_pages({static_cast<const std::byte*>(flat_.const_data_ptr()), flat_.nbytes()});
}

void Arena::make_views() {
  const auto options = at::TensorOptions().dtype(scalar_type_of(dtype_)).device(at::kCPU);
  if (std::bit_cast<std::uintptr_t>(flat_.const_data_ptr()) % kArenaAlignmentBytes != 0) {
    throw Error("arena " + coppice::quoted(name_) + ": its memory is not 64-byte aligned");
  }
  views_.reserve(layout_->entries().size());
  for (const ArenaEntry& entry : layout_->entries()) {
    at::Tensor view = at::empty({0}, options);
    view.set_(flat_.storage(), entry.offset, entry.shape, row_major_strides(entry.shape));
    views_.push_back(std::move(view));
  }
}

Arena Arena::clone() const {
  Arena copy = zeros_like();
  copy.copy_from(*this);
  return copy;
}

Arena Arena::zeros_like() const { return Arena(name_, layout_, dtype_); }

std::span<float> Arena::floats() const {
  if (dtype_ != DType::kF32) throw Error("arena " + coppice::quoted(name_) + " holds " + name_of(dtype_) + ", not f32");
  return {static_cast<float*>(flat_.mutable_data_ptr()), static_cast<std::size_t>(flat_.numel())};
}

std::span<float> Arena::floats(int index) const {
  const ArenaEntry& entry = (*layout_)[index];
  return floats().subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.numel));
}

void Arena::copy_from(const Arena& other) {
  if (*layout_ != *other.layout_) {
    throw Error("arena " + coppice::quoted(name_) + " cannot take the values of " + coppice::quoted(other.name_) +
                ": other names or shapes");
  }
  if (flat_.numel() == 0) return;
  if (dtype_ == other.dtype_) {
    std::memcpy(flat_.mutable_data_ptr(), other.flat_.const_data_ptr(), flat_.nbytes());
  } else {
    flat_.copy_(other.flat_);
  }
}

void Arena::fill(float value) {
  for (at::Tensor& view : views_) view.fill_(value);
}

double Arena::squared_norm() const {
  double total = 0.0;
  for (int i = 0; i < layout_->size(); ++i) {
    if (dtype_ == DType::kF32) {
      total += squared_sum(floats(i));
    } else {
      const at::Tensor wide = view(i).to(at::kFloat);
      total += squared_sum({static_cast<const float*>(wide.const_data_ptr()), static_cast<std::size_t>(wide.numel())});
    }
  }
  return total;
}

Digest Arena::digest() const {
  Hasher hasher;
  const std::size_t width = bytes_per_element(dtype_);
  const auto* data = static_cast<const std::byte*>(flat_.const_data_ptr());
  hasher.add(name_of(dtype_)).add_value(static_cast<std::int64_t>(layout_->size()));
  for (const ArenaEntry& entry : layout_->entries()) {
    hasher.add_value(static_cast<std::int64_t>(entry.name.size())).add(entry.name);
    hasher.add_value(static_cast<std::int64_t>(entry.shape.size())).add(std::as_bytes(std::span(entry.shape)));
    hasher.add({data + static_cast<std::size_t>(entry.offset) * width, static_cast<std::size_t>(entry.numel) * width});
  }
  return hasher.finish();
}

}  // namespace coppice
