#include "algorithms/training/zerofl.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "algorithms/exchange/release.h"

namespace coppice {

bool averages_senders(const ZeroFlConfig& config) { return config.upload == ZeroFlConfig::Upload::kTopWeights; }

std::int64_t sent_count(const ZeroFlConfig& config, const Mask* mask, ParamId tensor, std::int64_t numel) {
  if (mask == nullptr || mask->keeps_all(tensor)) return numel;
  const std::int64_t more = std::llround(config.mask_ratio * static_cast<double>(numel));
  return std::clamp<std::int64_t>(mask->bits(tensor).count() + more, 1, numel);
}

TensorPositions sent_entries(const ZeroFlConfig& config, const Mask* mask, const Arena& trained, const Arena& received) {
  TensorPositions sent;
  std::vector<float> change;
  for (int i = 0; i < trained.layout().size(); ++i) {
    const std::span<const float> after = trained.floats(i), before = received.floats(i);
    const std::int64_t count = sent_count(config, mask, i, trained.layout()[i].numel);
    if (count == trained.layout()[i].numel) continue;
    if (config.upload == ZeroFlConfig::Upload::kTopDiff) {
      change.resize(after.size());
      std::transform(after.begin(), after.end(), before.begin(), change.begin(), std::minus<>());
      sent[i] = largest_of(change, count);
    } else {
      sent[i] = largest_of(after, count);
    }
  }
  return sent;
}

void ZeroFlConfig::visit(FieldVisitor& v) {
  v.choice("upload", upload, {"top_k_w", "diff_on_top_k_w", "top_k_w_diff"},
           "what a client sends: its largest weights, averaged over their senders; changes there; or its largest changes");
  v.field("mask_ratio", mask_ratio, "fraction of a matrix that is sent beside as many weights as are kept", within(0, 1));
}

}  // namespace coppice
