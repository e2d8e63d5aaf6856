#include "algorithms/importance/graph_importance.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include "algorithms/importance/activation_tap.h"
#include "algorithms/importance/matrix_tensors.h"
#include "algorithms/importance/unit_vectors.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/file.h"
#include "models/graph/archive.h"
#include "models/graph/canonical.h"
#include "models/graph/executable.h"
#include "models/graph/exported_program.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

constexpr std::int64_t kRows = 4;

std::int64_t columns_of(const ArenaEntry& entry) { return entry.shape.size() > 1 ? entry.numel / entry.shape.front() : 0; }

// Base tensors whose weights are scored.
std::vector<int> scored_tensors(const Model& model, const ScoreRequest& request) {
  if (request.target == ScoreTarget::kElements) return matrix_tensors(model, request.edge);
  return UnitVectors(model.structure(), *model.base_layout()).tensors();
}

// The file's program.
class Metric {
 public:
  Metric(const std::string& path, const std::string& digest) : path_(path) {
    const MappedFile file(path);
    if (!digest.empty() && digest_of(file.bytes()).hex() != digest) {
      throw InputError(path + ": found a file of the digest " + digest_of(file.bytes()).hex() + "; expected " + digest);
    }
    program_ = graph::canonical(graph::read_exported_program(graph::Archive(path, file.bytes())), path).program;
    refuse_networks();
    try {
      executable_.emplace(program_);
      for (const std::int64_t count : {2, 3}) scores(at::ones({kRows, count}));
    } catch (Error& error) {
      error.within(path);
      throw;
    }
  }

  // [N] of [4, N].
  at::Tensor scores(const at::Tensor& x_4N) const {
    const at::NoGradGuard no_grad;
    Tap tap;
    const at::Tensor scores = executable_->run(x_4N, Weights{}, tap, Mode::kEval);
    if (scores.dim() != 1 || scores.size(0) != x_4N.size(1) || scores.scalar_type() != at::kFloat) {
      throw InputError("the metric: found a result of shape " + shape_text(scores.sizes().vec()) + " for " + std::to_string(x_4N.size(1)) +
                       " weights; expected [" + std::to_string(x_4N.size(1)) + "] in float32");
    }
    return scores.contiguous();
  }

  std::vector<float> of(const ArenaEntry& tensor, const at::Tensor& x_4N) const {
    const at::Tensor scores_N = scores(x_4N);
    const float* values = scores_N.const_data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel; ++i) {
      if (std::isfinite(values[i]) && values[i] >= 0.0F) continue;
      throw InputError(path_ + ": the score of " + coppice::quoted(tensor.name) + " at " + std::to_string(i) + " is " +
                       std::to_string(values[i]) + "; expected a finite number >= 0");
    }
    return {values, values + tensor.numel};
  }

 private:
  void refuse_networks() const {
    const std::vector<std::int64_t>& shape = program_.shape(program_.input);
    if (shape != std::vector<std::int64_t>{kRows, graph::kDynamic} || program_.input_dtype != DType::kF32) {
      throw InputError(path_ + ": found an input of another shape; a metric takes float32 [4, any]: w, g, g^2, activation moment");
    }
    if (!program_.params.empty() || !program_.moments.empty()) {
      throw InputError(path_ + ": found parameters; a metric has none");
    }
  }

  std::string path_;
  graph::Program program_;
  std::optional<graph::Executable> executable_;
};

class StatisticsEstimator final : public ImportanceEstimator {
 public:
  StatisticsEstimator(const Model& model, std::vector<int> tensors, std::vector<ScoreBlock> blocks)
      : layout_(model.base_layout()), tensors_(std::move(tensors)), blocks_(std::move(blocks)), tap_(tensors_) {
    for (const int tensor : tensors_) {
      const ArenaEntry& entry = (*layout_)[tensor];
      first_.emplace_back(static_cast<std::size_t>(entry.numel), 0.0F);
      second_.emplace_back(static_cast<std::size_t>(entry.numel), 0.0F);
      inputs_.emplace_back(static_cast<std::size_t>(columns_of(entry)), 0.0);
    }
  }

  bool needs_gradient() const override { return true; }
  Tap* tap() override { return &tap_; }
  const std::vector<ScoreBlock>& blocks() const override { return blocks_; }

  void take_gradient(ParamId tensor, std::span<const float> w, const at::Tensor& gradient, std::int64_t samples) override {
    const auto found = std::find(tensors_.begin(), tensors_.end(), tensor);
    if (found == tensors_.end()) return;
    if (gradient.numel() != (*layout_)[tensor].numel) throw Error("importance: weights and gradient must have the layout of the model");
    const at::Tensor wide = gradient.to(at::kFloat).contiguous();
    const float* g = wide.const_data_ptr<float>();
    const auto t = static_cast<std::size_t>(found - tensors_.begin());
    const float share = 1.0F / static_cast<float>(samples);
    for (std::size_t i = 0; i < w.size(); ++i) {
      first_[t][i] += g[i];
      second_[t][i] += g[i] * g[i] * share;
    }
  }

  void observe(const Arena& /*base*/, std::int64_t samples) override {
    samples_ += samples;
    for (const auto& [tensor, seen] : tap_.take()) {
      const auto t = static_cast<std::size_t>(std::find(tensors_.begin(), tensors_.end(), tensor) - tensors_.begin());
      for (std::size_t j = 0; j < inputs_[t].size() && j < seen.squares.size(); ++j) inputs_[t][j] += seen.squares[j];
      watched_.insert(tensor);
    }
  }

  std::vector<std::vector<double>> finish() override {
    std::vector<std::vector<double>> values;
    const auto samples = static_cast<double>(samples_);
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      values.emplace_back(first_[t].begin(), first_[t].end());
      values.emplace_back(second_[t].begin(), second_[t].end());
      if (inputs_[t].empty()) continue;
      if (!watched_.contains(tensors_[t])) std::fill(inputs_[t].begin(), inputs_[t].end(), samples);
      values.push_back(inputs_[t]);
    }
    values.push_back({samples});
    return values;
  }

 private:
  std::shared_ptr<const ArenaLayout> layout_;
  std::vector<int> tensors_;
  std::vector<ScoreBlock> blocks_;
  ActivationTap tap_;
  std::vector<std::vector<float>> first_, second_;
  std::vector<std::vector<double>> inputs_;
  std::set<int> watched_;
  std::int64_t samples_ = 0;
};

// Scores of all scored tensors, from the sums of their statistics in the order of the blocks.
ElementScores scores_of(const Metric& metric, const std::vector<int>& tensors, const Arena& base, std::span<const std::vector<double>> sums) {
  ElementScores scores;
  const double weight = sums.back()[0];
  std::size_t block = 0;
  for (const int tensor : tensors) {
    const ArenaEntry& entry = base.layout()[tensor];
    const auto numel = static_cast<std::size_t>(entry.numel);
    const at::Tensor x_4N = at::empty({kRows, entry.numel}, at::TensorOptions().dtype(at::kFloat));
    float* row = x_4N.mutable_data_ptr<float>();
    row = std::copy_n(base.floats(tensor).data(), numel, row);
    for (int statistic = 0; statistic < 2; ++statistic, ++block) {
      row = std::transform(sums[block].begin(), sums[block].end(), row, [&](double sum) { return static_cast<float>(sum / weight); });
    }
    const auto columns = static_cast<std::size_t>(columns_of(entry));
    for (std::size_t i = 0; i < numel; ++i) row[i] = columns > 0 ? static_cast<float>(sums[block][i % columns] / weight) : 1.0F;
    block += columns > 0 ? 1 : 0;
    scores[tensor] = metric.of(entry, x_4N);
  }
  return scores;
}

}  // namespace

void GraphImportance::visit(FieldVisitor& v) {
  v.field("path", path, "a .pt2 file: float32 [4, N] of w, g, g^2 and activation moment -> scores [N]");
  v.field("digest", digest, "of the file, hexadecimal; empty = any");
}

void GraphImportance::check() const { const Metric metric(path, digest); }

std::vector<ScoreBlock> GraphImportance::blocks(const Model& model, const ScoreRequest& request) const {
  if (request.form == ScoreForm::kLocal) {
    throw InputError("importance graph: found fusion.clients that fuses finished scores; the metric is taken of sums, expected mean or none");
  }
  if (request.confidence) {
    throw InputError("importance graph: found fusion by uncertainty, which needs scores of single batches; the metric is taken of sums, "
                     "expected fusion.granularity fixed or attention, and no confidence");
  }
  std::vector<ScoreBlock> blocks;
  for (const int tensor : scored_tensors(model, request)) {
    const ArenaEntry& entry = (*model.base_layout())[tensor];
    blocks.push_back({"gradient/" + entry.name, entry.numel});
    blocks.push_back({"square/" + entry.name, entry.numel});
    if (columns_of(entry) > 0) blocks.push_back({"input/" + entry.name, columns_of(entry)});
  }
  blocks.push_back({"weight", 1, ScoreRole::kWeight});
  return blocks;
}

std::unique_ptr<ImportanceEstimator> GraphImportance::make_estimator(const Model& model, const ScoreRequest& request) const {
  return std::make_unique<StatisticsEstimator>(model, scored_tensors(model, request), blocks(model, request));
}

UnitScores GraphImportance::decode_units(const Model& model, const Arena& base, const ScoreRequest& request,
                                         std::span<const std::vector<double>> sums) const {
  const UnitVectors vectors(model.structure(), base.layout());
  std::vector<double> of_vectors(static_cast<std::size_t>(vectors.size()), 0.0);
  for (const auto& [tensor, scores] : scores_of(Metric(path, digest), scored_tensors(model, request), base, sums)) {
    vectors.sum_into(tensor, std::vector<double>(scores.begin(), scores.end()), of_vectors);
  }
  UnitScores units{.coarse = vectors.per_unit(of_vectors), .weight = sums.back()[0]};
  units.fine = units.coarse;
  return units;
}

ElementScores GraphImportance::decode_elements(const Model& model, const Arena& base, const ScoreRequest& request,
                                               std::span<const std::vector<double>> sums) const {
  return scores_of(Metric(path, digest), scored_tensors(model, request), base, sums);
}

}  // namespace coppice
