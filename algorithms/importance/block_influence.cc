#include "algorithms/importance/block_influence.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "algorithms/importance/confidence.h"
#include "algorithms/importance/gradient_estimator.h"

namespace coppice {
namespace {

constexpr double kSmallestNorm = 1e-30;  // a vector of zeros has no direction: cosine 0

// Sum over samples of the mean over tokens of 1 - cos(x, y). B samples, T tokens, D channels.
double turned(const at::Tensor& x_BTD, const at::Tensor& y_BTD) {
  const at::Tensor x = x_BTD.detach().to(at::kDouble), y = y_BTD.detach().to(at::kDouble);
  const at::Tensor norms_BT = at::linalg_vector_norm(x, 2, {-1}) * at::linalg_vector_norm(y, 2, {-1});
  const at::Tensor cosine_BT = (x * y).sum(-1) / norms_BT.clamp_min(kSmallestNorm);
  return (1.0 - cosine_BT).mean(-1).sum().item<double>();
}

// Watches what goes into and comes out of certain blocks.
class BlockTap final : public Tap {
 public:
  explicit BlockTap(const std::vector<int>& blocks) {
    for (const int block : blocks) sums_[block] = 0.0;
  }

  void after_block(int index, const at::Tensor& hidden) override {
    if (const auto found = sums_.find(index); found != sums_.end()) found->second += turned(before_, hidden);
    before_ = hidden;
  }

  // What was seen since the last call, by block.
  std::map<int, double> take() {
    before_ = at::Tensor();
    std::map<int, double> taken = sums_;
    for (auto& [block, sum] : sums_) sum = 0.0;
    return taken;
  }

 private:
  std::map<int, double> sums_;
  at::Tensor before_;
};

std::vector<int> blocks_of(const Model& model) {
  std::vector<int> blocks;
  for (const Group& group : model.structure().groups) blocks.push_back(group.block);
  return blocks;
}

class BlockInfluence final : public ImportanceEstimator {
 public:
  BlockInfluence(const Model& model, const ScoreRequest& request)
      : request_(request),
        declared_(gradient_blocks(model, request)),
        units_(blocks_of(model)),
        totals_(units_.size(), 0.0),
        confidence_(model.structure().full_widths()),
        tap_(units_) {}

  bool needs_gradient() const override { return false; }
  Tap* tap() override { return &tap_; }
  const std::vector<ScoreBlock>& blocks() const override { return declared_; }

  void observe(const Arena& /*base*/, std::int64_t samples) override {
    samples_ += samples;
    const std::map<int, double> seen = tap_.take();
    std::vector<double> units;
    for (const int block : units_) units.push_back(seen.at(block));
    for (std::size_t u = 0; u < units.size(); ++u) totals_[u] += units[u];
    if (request_.confidence) confidence_.add_micro_batch(units, units);
  }

  std::vector<std::vector<double>> finish() override {
    std::vector<std::vector<double>> values = {totals_, totals_};
    if (request_.confidence) confidence_.append(totals_, totals_, values);
    values.push_back({static_cast<double>(samples_)});
    return values;
  }

 private:
  ScoreRequest request_;
  std::vector<ScoreBlock> declared_;
  std::vector<int> units_;  // the block of each
  std::vector<double> totals_;
  Confidence confidence_;
  BlockTap tap_;
  std::int64_t samples_ = 0;
};

}  // namespace

void BlockInfluenceConfig::visit(FieldVisitor& /*v*/) {}

ScoreRequest block_influence_request(const Model& model, ScoreRequest request) {
  if (request.target != ScoreTarget::kUnits) {
    throw InputError("importance: found block_influence for single weights; it scores whole layers, expected pattern channels with "
                     "units [layer]");
  }
  for (const Family& family : model.structure().families) {
    if (family.kind == "layer") continue;
    throw InputError("importance: found block_influence for units of kind " + family.kind + "; it scores whole layers, expected "
                     "units [layer] in the prune stage");
  }
  request.form = ScoreForm::kLocal;
  return request;
}

std::unique_ptr<ImportanceEstimator> make_block_influence(const Model& model, const ScoreRequest& request) {
  return std::make_unique<BlockInfluence>(model, block_influence_request(model, request));
}

}  // namespace coppice
