#include "algorithms/importance/gradient_estimator.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "algorithms/importance/confidence.h"
#include "algorithms/importance/matrix_tensors.h"
#include "algorithms/importance/unit_vectors.h"
#include "models/parallel_rows.h"

namespace coppice {
namespace {

class GradientEstimator final : public ImportanceEstimator {
 public:
  GradientEstimator(const GradientRule& rule, const Model& model, const ScoreRequest& request)
      : rule_(rule),
        request_(request),
        layout_(model.base_layout()),
        blocks_(gradient_blocks(model, request, rule.side)),
        vectors_(model.structure(), *layout_, rule.side),
        tensors_(request.target == ScoreTarget::kUnits ? vectors_.tensors() : matrix_tensors(model, request.edge)),
        confidence_(vectors_.family_sizes()) {
    const bool units = request.target == ScoreTarget::kUnits;
    request_.confidence &= units;
    needs_first_ = rule.first != 0.0 || (units && !rule.squared_coarse);
    for (const int tensor : tensors_) {
      const auto numel = static_cast<std::size_t>((*layout_)[tensor].numel);
      first_.emplace_back(needs_first_ ? numel : 0, 0.0F);
      second_.emplace_back(rule.second != 0.0 ? numel : 0, 0.0F);
    }
    const auto vectors = static_cast<std::size_t>(vectors_.size());
    if (units && rule.squared_coarse) squared_.assign(vectors, 0.0);
    if (by_micro_batch()) signed_sums_.assign(vectors, 0.0);
    if (request_.confidence) fine_sums_.assign(vectors, 0.0);
  }

  bool needs_gradient() const override { return true; }
  const std::vector<ScoreBlock>& blocks() const override { return blocks_; }

  void take_gradient(ParamId tensor, std::span<const float> w, const at::Tensor& gradient, std::int64_t samples) override {
    const auto found = std::find(tensors_.begin(), tensors_.end(), tensor);
    if (found == tensors_.end()) return;
    if (static_cast<std::int64_t>(w.size()) != (*layout_)[tensor].numel || gradient.numel() != (*layout_)[tensor].numel) {
      throw Error("importance: weights and gradient must have the layout of the model");
    }
    const at::Tensor wide = gradient.to(at::kFloat);
    const std::span g(wide.const_data_ptr<float>(), w.size());
    accumulate(static_cast<std::size_t>(found - tensors_.begin()), w, g, samples);
    if (!by_micro_batch()) return;
    std::vector<double> products = products_of(w, g, samples);
    vectors_.sum_into(tensor, products, signed_sums_);
    if (!request_.confidence) return;
    for (double& p : products) p = std::abs(rule_.first * p + rule_.second * p * p / static_cast<double>(samples));
    vectors_.sum_into(tensor, products, fine_sums_);
  }

  void observe(const Arena& /*base*/, std::int64_t samples) override {
    if (samples <= 0) throw Error("importance: a micro-batch of " + std::to_string(samples) + " samples");
    samples_ += samples;
    if (!by_micro_batch()) return;
    for (std::size_t v = 0; v < signed_sums_.size(); ++v) {
      if (!squared_.empty()) {
        signed_sums_[v] *= signed_sums_[v] / static_cast<double>(samples);
        squared_[v] += signed_sums_[v];
      } else {
        signed_sums_[v] = std::abs(signed_sums_[v]);
      }
    }
    if (request_.confidence) confidence_.add_micro_batch(vectors_.per_unit(signed_sums_), vectors_.per_unit(fine_sums_));
    std::fill(signed_sums_.begin(), signed_sums_.end(), 0.0);
    std::fill(fine_sums_.begin(), fine_sums_.end(), 0.0);
  }

  std::vector<std::vector<double>> finish() override {
    std::vector<std::vector<double>> values;
    if (request_.target == ScoreTarget::kUnits) {
      finish_units(values);
    } else {
      for (std::size_t t = 0; t < tensors_.size(); ++t) {
        std::vector<double> s = saliences(t);
        if (request_.form == ScoreForm::kLocal && !rule_.is_signed) {
          for (double& value : s) value = std::abs(value);
        }
        values.push_back(std::move(s));
      }
    }
    values.push_back({static_cast<double>(samples_)});
    return values;
  }

 private:
  bool by_micro_batch() const { return !squared_.empty() || request_.confidence; }

  void accumulate(std::size_t t, std::span<const float> w, std::span<const float> g, std::int64_t samples) {
    if (rule_.product != nullptr) {
      rule_.product->add(w, g, samples, first_[t]);
    } else if (needs_first_) {
      float* first = first_[t].data();
      for_elements(w, [=](std::size_t i) { first[i] += w[i] * g[i]; });
    }
    if (rule_.second != 0.0) {
      const float share = 1.0F / static_cast<float>(samples);
      float* second = second_[t].data();
      for_elements(w, [=](std::size_t i) { second[i] += w[i] * g[i] * (w[i] * g[i]) * share; });
    }
  }

  template <class Body>
  static void for_elements(std::span<const float> w, const Body& body) {
    for_rows(static_cast<std::int64_t>(w.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) body(i);
    });
  }

  std::vector<double> products_of(std::span<const float> w, std::span<const float> g, std::int64_t samples) const {
    std::vector<double> products(w.size());
    if (rule_.product != nullptr) {
      std::vector<float> sums(w.size(), 0.0F);
      rule_.product->add(w, g, samples, sums);
      std::copy(sums.begin(), sums.end(), products.begin());
    } else {
      double* product = products.data();
      for_elements(w, [=](std::size_t i) { product[i] = static_cast<double>(w[i]) * g[i]; });
    }
    return products;
  }

  std::vector<double> saliences(std::size_t t) const {
    std::vector<double> s(static_cast<std::size_t>((*layout_)[tensors_[t]].numel), 0.0);
    if (rule_.first != 0.0) {
      for (std::size_t i = 0; i < s.size(); ++i) s[i] += rule_.first * first_[t][i];
    }
    if (rule_.second != 0.0) {
      for (std::size_t i = 0; i < s.size(); ++i) s[i] += rule_.second * second_[t][i];
    }
    return s;
  }

  void finish_units(std::vector<std::vector<double>>& values) {
    std::vector<double> coarse =
        squared_.empty() ? std::vector<double>(static_cast<std::size_t>(vectors_.size())) : squared_;
    std::vector<double> fine(coarse.size());
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      if (squared_.empty()) {
        vectors_.sum_into(tensors_[t], std::vector<double>(first_[t].begin(), first_[t].end()), coarse);
      }
      std::vector<double> s = saliences(t);
      for (double& value : s) value = std::abs(value);
      vectors_.sum_into(tensors_[t], s, fine);
    }
    std::vector<double> magnitudes = coarse;
    for (double& value : magnitudes) value = std::abs(value);
    const std::vector<double> unit_coarse = vectors_.per_unit(magnitudes);
    const std::vector<double> unit_fine = vectors_.per_unit(fine);
    values.push_back(request_.form == ScoreForm::kSigned ? std::move(coarse) : unit_coarse);
    values.push_back(unit_fine);
    if (request_.confidence) confidence_.append(unit_coarse, unit_fine, values);
  }

  GradientRule rule_;
  ScoreRequest request_;
  std::shared_ptr<const ArenaLayout> layout_;
  std::vector<ScoreBlock> blocks_;
  UnitVectors vectors_;
  std::vector<int> tensors_;
  Confidence confidence_;
  bool needs_first_ = false;
  std::vector<std::vector<float>> first_;   // P of each of tensors_
  std::vector<std::vector<float>> second_;  // Q
  std::vector<double> squared_;             // one a vector
  std::vector<double> signed_sums_, fine_sums_;  // of the micro-batch at hand, one a vector
  std::int64_t samples_ = 0;
};

}  // namespace

std::unique_ptr<ImportanceEstimator> make_gradient_estimator(const GradientRule& rule, const Model& model,
                                                             const ScoreRequest& request) {
  return std::make_unique<GradientEstimator>(rule, model, request);
}

std::vector<ScoreBlock> gradient_blocks(const Model& model, const ScoreRequest& request, UnitVectors::Side side) {
  std::vector<ScoreBlock> blocks;
  const bool local = request.form == ScoreForm::kLocal;
  if (request.target == ScoreTarget::kUnits) {
    const UnitVectors vectors(model.structure(), *model.base_layout(), side);
    const std::int64_t units = vectors.num_units();
    const auto families = local ? vectors.family_sizes() : std::vector<std::int64_t>{};
    blocks.push_back({"coarse", local ? units : vectors.size(), ScoreRole::kScore, families, 0});
    blocks.push_back({"fine", units, ScoreRole::kScore, families, 1});
    if (request.confidence) Confidence::append_blocks(units, blocks);
  } else {
    for (const int tensor : matrix_tensors(model, request.edge)) {
      const ArenaEntry& entry = (*model.base_layout())[tensor];
      const auto families = local ? std::vector<std::int64_t>{entry.numel} : std::vector<std::int64_t>{};
      blocks.push_back({"element/" + entry.name, entry.numel, ScoreRole::kScore, families, 0});
    }
  }
  blocks.push_back({"weight", 1, ScoreRole::kWeight});
  return blocks;
}

UnitScores decode_gradient_units(const Model& model, const ScoreRequest& request, std::span<const std::vector<double>> sums,
                                 UnitVectors::Side side) {
  UnitScores scores;
  scores.weight = sums.back()[0];
  std::vector<double> coarse = sums[0];
  for (double& value : coarse) value = std::abs(value) / scores.weight;
  scores.coarse = request.form == ScoreForm::kLocal
                      ? std::move(coarse)
                      : UnitVectors(model.structure(), *model.base_layout(), side).per_unit(coarse);
  scores.fine = sums[1];
  for (double& value : scores.fine) value /= scores.weight;
  if (request.confidence) Confidence::decode(sums.subspan(2, Confidence::kNumBlocks), scores);
  return scores;
}

ElementScores decode_gradient_elements(const GradientRule& rule, const Model& model, const ScoreRequest& request,
                                       std::span<const std::vector<double>> sums) {
  ElementScores scores;
  std::size_t block = 0;
  for (const int tensor : matrix_tensors(model, request.edge)) {
    std::vector<float>& values = scores[tensor];
    values.reserve(sums[block].size());
    for (const double sum : sums[block]) values.push_back(static_cast<float>((rule.is_signed ? sum : std::abs(sum)) / sums.back()[0]));
    ++block;
  }
  return scores;
}

}  // namespace coppice
