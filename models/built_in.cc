#include "models/built_in.h"

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::int64_t kLargestSize = std::int64_t{1} << 20;

template <class Sizes>
std::string text_of(const Sizes& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text.empty() ? "a scalar" : text;
}

}  // namespace

void BuiltInModel::check_sample(const at::Tensor& x, std::initializer_list<std::int64_t> expected) const {
  const at::IntArrayRef found = x.sizes().slice(x.dim() > 0 ? 1 : 0);
  if (found != at::IntArrayRef(expected)) {
    throw InputError("model " + family_of(config_) + ": found samples of " + text_of(found) + "; expected " +
                     text_of(expected));
  }
}

void check_size(const std::string& what, std::int64_t found) {
  if (found < 1 || found > kLargestSize) {
    throw InputError("model: " + what + ": found " + std::to_string(found) + "; expected a number in [1, " +
                     std::to_string(kLargestSize) + "]");
  }
}

void check_sizes(const std::string& what, const std::vector<std::int64_t>& found, std::size_t expected_count) {
  if (found.size() != expected_count) {
    throw InputError("model: " + what + ": found " + std::to_string(found.size()) + " numbers; expected " +
                     std::to_string(expected_count));
  }
  for (const std::int64_t size : found) check_size(what, size);
}

}  // namespace coppice
