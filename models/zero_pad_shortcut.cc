#include "models/zero_pad_shortcut.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>

#include "core/error.h"

namespace coppice {
namespace {

// The even padding as a map; empty where there are fewer outputs than inputs.
std::vector<std::int64_t> even_padding(std::int64_t inputs, std::int64_t outputs) {
  if (outputs < inputs) return {};
  std::vector<std::int64_t> sources(static_cast<std::size_t>(outputs), -1);
  const std::int64_t before = (outputs - inputs) / 2;
  for (std::int64_t c = 0; c < inputs; ++c) sources[static_cast<std::size_t>(before + c)] = c;
  return sources;
}

}  // namespace

ZeroPadShortcut::ZeroPadShortcut(const std::string& what, std::int64_t inputs, std::int64_t outputs,
                                 std::vector<std::int64_t> sources)
    : inputs_(inputs), sources_(std::move(sources)) {
  const std::vector<std::int64_t> even = even_padding(inputs, outputs);
  if (sources_.empty()) sources_ = even;
  if (static_cast<std::int64_t>(sources_.size()) != outputs) {
    throw InputError("model: " + what + ": found " + std::to_string(sources_.size()) + " sources; expected one for each of " +
                     std::to_string(outputs) + " channels");
  }
  std::vector<bool> seen(static_cast<std::size_t>(inputs), false);
  for (const std::int64_t source : sources_) {
    if (source < -1 || source >= inputs || (source >= 0 && seen[static_cast<std::size_t>(source)])) {
      throw InputError("model: " + what + ": found source " + std::to_string(source) + "; expected -1 or a channel below " +
                       std::to_string(inputs) + ", each at most once");
    }
    if (source >= 0) seen[static_cast<std::size_t>(source)] = true;
  }
  if (outputs <= inputs || std::find(seen.begin(), seen.end(), false) != seen.end()) {
    throw InputError("model: " + what + ": found " + std::to_string(outputs) + " channels that continue " +
                     std::to_string(std::count(seen.begin(), seen.end(), true)) + " of " + std::to_string(inputs) +
                     "; expected all of them to go on and some to begin");
  }
  leading_zeros_ = sources_ == even ? (outputs - inputs) / 2 : -1;
  index_C_ = at::empty({outputs}, at::TensorOptions().dtype(at::kLong));
  std::int64_t* index = index_C_.mutable_data_ptr<std::int64_t>();
  for (const std::int64_t source : sources_) *index++ = source < 0 ? inputs : source;
}

at::Tensor ZeroPadShortcut::operator()(const at::Tensor& x_BCHW) const {
  const at::Tensor half = x_BCHW.slice(2, 0, x_BCHW.size(2), 2).slice(3, 0, x_BCHW.size(3), 2);
  if (leading_zeros_ >= 0) {
    const std::int64_t trailing = static_cast<std::int64_t>(sources_.size()) - inputs_ - leading_zeros_;
    return at::constant_pad_nd(half, {0, 0, 0, 0, leading_zeros_, trailing});
  }
  return at::index_select(at::constant_pad_nd(half, {0, 0, 0, 0, 0, 1}), 1, index_C_);
}

std::int64_t ZeroPadShortcut::continuation(std::int64_t input) const {
  return std::find(sources_.begin(), sources_.end(), input) - sources_.begin();
}

std::vector<std::int64_t> ZeroPadShortcut::sliced(const std::vector<bool>& inputs_kept,
                                                  const std::vector<bool>& outputs_kept) const {
  std::vector<std::int64_t> new_index(inputs_kept.size(), -1);
  std::int64_t inputs = 0;
  for (std::size_t c = 0; c < inputs_kept.size(); ++c) {
    if (inputs_kept[c]) new_index[c] = inputs++;
  }
  std::vector<std::int64_t> sources;
  for (std::size_t c = 0; c < outputs_kept.size(); ++c) {
    if (outputs_kept[c]) sources.push_back(sources_[c] < 0 ? -1 : new_index[static_cast<std::size_t>(sources_[c])]);
  }
  const bool is_even = sources == even_padding(inputs, static_cast<std::int64_t>(sources.size()));
  return is_even ? std::vector<std::int64_t>{} : sources;
}

}  // namespace coppice
