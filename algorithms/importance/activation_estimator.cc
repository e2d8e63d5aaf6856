#include "algorithms/importance/activation_estimator.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/error.h"
#include "core/portable_math.h"
#include "algorithms/importance/activation_tap.h"
#include "algorithms/importance/confidence.h"
#include "algorithms/importance/matrix_tensors.h"
#include "algorithms/importance/unit_vectors.h"

namespace coppice {
namespace {

// Of each watched weight.
using Moments = std::map<int, InputSums>;

UnitVectors vectors_of(ActivationRule rule, const Model& model) {
  using Side = UnitVectors::Side;
  return {model.structure(), *model.base_layout(), rule.fluctuation ? Side::kConsumers : Side::kScored};
}

// The weights whose inputs matter, in the order of their blocks.
std::vector<int> watched_tensors(ActivationRule rule, const Model& model, const ScoreRequest& request) {
  if (request.target == ScoreTarget::kElements) return matrix_tensors(model, request.edge);
  const std::shared_ptr<const ArenaLayout> layout = model.base_layout();
  const UnitVectors vectors = vectors_of(rule, model);
  std::vector<int> tensors;
  for (const int tensor : vectors.tensors()) {
    if ((*layout)[tensor].shape.size() > 1) tensors.push_back(tensor);
  }
  return tensors;
}

std::int64_t columns_of(const ArenaEntry& entry) { return entry.numel / entry.shape.front(); }

// What each magnitude is of its column and of its row; 0 / 0 is 0.
std::vector<double> relative_magnitudes(std::span<const float> weights, std::size_t columns) {
  std::vector<double> magnitudes(weights.begin(), weights.end());
  std::vector<double> column_sums(columns, 0.0), row_sums(weights.size() / columns, 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    magnitudes[i] = std::abs(magnitudes[i]);
    column_sums[i % columns] += magnitudes[i];
    row_sums[i / columns] += magnitudes[i];
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (magnitudes[i] > 0.0) magnitudes[i] = magnitudes[i] / column_sums[i % columns] + magnitudes[i] / row_sums[i / columns];
  }
  return magnitudes;
}

// What a column's inputs give to the square of its weights' values: their variance, or ||x_j||^2 per sample to the rule's power.
std::vector<double> input_energies(ActivationRule rule, const InputSums& inputs, double samples) {
  std::vector<double> result = inputs.squares;
  for (std::size_t j = 0; j < result.size(); ++j) {
    if (rule.fluctuation) {
      const double about_mean = result[j] - inputs.sums[j] * inputs.sums[j] / inputs.positions;
      result[j] = inputs.positions > 1.0 ? std::max(about_mean, 0.0) / (inputs.positions - 1.0) : 0.0;
    } else {
      result[j] = rule.power == 1.0 ? result[j] / samples : std::pow(result[j] / samples, rule.power);
    }
  }
  return result;
}

// The square of each weight's value (activation_rule.h). Where nothing was watched the input norm is 1, and under a relative rule the
// value 0.
std::vector<double> energies(ActivationRule rule, std::span<const float> weights, const InputSums* inputs, double samples) {
  if (inputs == nullptr && rule.relative) return std::vector<double>(weights.size(), 0.0);
  std::vector<double> result = rule.relative ? relative_magnitudes(weights, inputs->squares.size())
                                             : std::vector<double>(weights.begin(), weights.end());
  for (double& value : result) value *= value;
  if (inputs == nullptr) return result;
  const std::vector<double> factors = input_energies(rule, *inputs, samples);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] *= factors[i % factors.size()];
  return result;
}

// exp((x - mean) / standard deviation) in each family; 1 where all are alike.
std::vector<double> standardised(std::span<const double> values, std::span<const std::int64_t> family_sizes) {
  std::vector<double> result(values.begin(), values.end());
  std::size_t begin = 0;
  for (const std::int64_t family_size : family_sizes) {
    const auto size = static_cast<std::size_t>(family_size);
    const std::span family = std::span(result).subspan(begin, size);
    double mean = 0.0, variance = 0.0;
    for (const double value : family) mean += value / static_cast<double>(size);
    for (const double value : family) variance += (value - mean) * (value - mean) / static_cast<double>(size);
    const double deviation = std::sqrt(variance);
    for (double& value : family) value = deviation > 0.0 ? portable_exp((value - mean) / deviation) : 1.0;
    begin += size;
  }
  return result;
}

const InputSums* find_in(const Moments& moments, int tensor) {
  const auto found = moments.find(tensor);
  return found == moments.end() ? nullptr : &found->second;
}

void score_units(ActivationRule rule, const UnitVectors& vectors, const Arena& base, const Moments& moments, double samples,
                 std::vector<double>& coarse, std::vector<double>& fine) {
  std::vector<double> vector_coarse(static_cast<std::size_t>(vectors.size()));
  std::vector<double> vector_fine(vector_coarse.size());
  for (const int tensor : vectors.tensors()) {
    std::vector<double> values = energies(rule, base.floats(tensor), find_in(moments, tensor), samples);
    vectors.sum_into(tensor, values, vector_coarse);
    if (rule.fluctuation) continue;
    for (double& value : values) value = std::sqrt(value);
    vectors.sum_into(tensor, values, vector_fine);
  }
  if (rule.fluctuation) {
    coarse = fine = standardised(vectors.per_unit(vector_coarse), vectors.family_sizes());
    return;
  }
  for (double& value : vector_coarse) value = std::sqrt(value);
  coarse = vectors.per_unit(vector_coarse);
  fine = vectors.per_unit(vector_fine);
}

std::size_t blocks_per_tensor(ActivationRule rule) { return rule.fluctuation ? 3 : 1; }

// The signed blocks: squares, and under `fluctuation` sums and positions behind them.
Moments read_moments(ActivationRule rule, const std::vector<int>& tensors, std::span<const std::vector<double>> sums) {
  Moments moments;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const std::size_t first = t * blocks_per_tensor(rule);
    InputSums& inputs = moments[tensors[t]];
    inputs.squares = sums[first];
    if (!rule.fluctuation) continue;
    inputs.sums = sums[first + 1];
    inputs.positions = sums[first + 2][0];
  }
  return moments;
}

class ActivationEstimator final : public ImportanceEstimator {
 public:
  ActivationEstimator(ActivationRule rule, const Model& model, const ScoreRequest& request)
      : rule_(rule),
        request_(request),
        layout_(model.base_layout()),
        blocks_(activation_blocks(rule, model, request)),
        vectors_(vectors_of(rule, model)),
        tensors_(watched_tensors(rule, model, request)),
        confidence_(vectors_.family_sizes()),
        base_("base", layout_),
        tap_(tensors_) {
    request_.confidence &= request.target == ScoreTarget::kUnits;
    for (const int tensor : tensors_) {
      const auto columns = static_cast<std::size_t>(columns_of((*layout_)[tensor]));
      moments_[tensor] = {std::vector<double>(columns, 0.0), std::vector<double>(columns, 0.0), 0.0};
    }
  }

  bool needs_gradient() const override { return false; }
  Tap* tap() override { return &tap_; }
  const std::vector<ScoreBlock>& blocks() const override { return blocks_; }

  void observe(const Arena& base, std::int64_t samples) override {
    if (samples <= 0) throw Error("importance: a micro-batch of " + std::to_string(samples) + " samples");
    if (samples_ == 0 && finishes_scores()) base_.copy_from(base);
    samples_ += samples;
    const Moments seen = tap_.take();
    for (const auto& [tensor, inputs] : seen) {
      InputSums& total = moments_[tensor];
      if (inputs.squares.size() != total.squares.size()) {
        throw Error("importance: " + coppice::quoted((*layout_)[tensor].name) + " took part in no matrix product");
      }
      for (std::size_t j = 0; j < total.squares.size(); ++j) {
        total.sums[j] += inputs.sums[j];
        total.squares[j] += inputs.squares[j];
      }
      total.positions += inputs.positions;
    }
    if (!request_.confidence) return;
    std::vector<double> coarse, fine;
    score_units(rule_, vectors_, base_, seen, static_cast<double>(samples), coarse, fine);
    confidence_.add_micro_batch(coarse, fine);
  }

  std::vector<std::vector<double>> finish() override {
    std::vector<std::vector<double>> values;
    const double samples = static_cast<double>(samples_);
    const bool units = request_.target == ScoreTarget::kUnits;
    if (request_.form == ScoreForm::kSigned) {
      for (const int tensor : tensors_) {
        const InputSums& inputs = moments_[tensor];
        values.push_back(inputs.squares);
        if (!rule_.fluctuation) continue;
        values.push_back(inputs.sums);
        values.push_back({inputs.positions});
      }
    } else if (!units) {
      for (const int tensor : tensors_) {
        std::vector<double> scores(static_cast<std::size_t>((*layout_)[tensor].numel), 0.0);
        if (samples_ > 0) scores = energies(rule_, base_.floats(tensor), &moments_[tensor], samples);
        for (double& score : scores) score = samples * std::sqrt(score);
        values.push_back(std::move(scores));
      }
    }
    if (units && finishes_scores()) {
      std::vector<double> coarse, fine;
      score_units(rule_, vectors_, base_, moments_, std::max(samples, 1.0), coarse, fine);
      if (request_.form == ScoreForm::kLocal) {
        for (std::vector<double>* scores : {&coarse, &fine}) {
          for (double& score : *scores) score *= samples;
        }
        values.push_back(coarse);
        values.push_back(fine);
      }
      if (request_.confidence) confidence_.append(coarse, fine, values);
    }
    values.push_back({samples});
    return values;
  }

 private:
  bool finishes_scores() const { return request_.form == ScoreForm::kLocal || request_.confidence; }

  ActivationRule rule_;
  ScoreRequest request_;
  std::shared_ptr<const ArenaLayout> layout_;
  std::vector<ScoreBlock> blocks_;
  UnitVectors vectors_;
  std::vector<int> tensors_;
  Confidence confidence_;
  Arena base_;  // where scores are finished here: the weights at which the client looks
  ActivationTap tap_;
  Moments moments_;
  std::int64_t samples_ = 0;
};

}  // namespace

std::unique_ptr<ImportanceEstimator> make_activation_estimator(ActivationRule rule, const Model& model,
                                                               const ScoreRequest& request) {
  return std::make_unique<ActivationEstimator>(rule, model, request);
}

std::vector<ScoreBlock> activation_blocks(ActivationRule rule, const Model& model, const ScoreRequest& request) {
  std::vector<ScoreBlock> blocks;
  const bool units = request.target == ScoreTarget::kUnits;
  const bool local = request.form == ScoreForm::kLocal;
  const std::shared_ptr<const ArenaLayout> layout = model.base_layout();
  const PrunableStructure structure = model.structure();
  const bool layers = std::any_of(structure.families.begin(), structure.families.end(), [](const Family& f) { return f.kind == "layer"; });
  if (units && rule.fluctuation && layers) {
    throw InputError("importance: found flap for whole layers; no columns take in what a layer puts out, expected block_influence or another");
  }
  const std::vector<std::int64_t> widths = structure.full_widths();
  const auto num_units = static_cast<std::int64_t>(structure.groups.size());
  if (local && units) {
    blocks.push_back({"coarse", num_units, ScoreRole::kScore, widths, 0});
    blocks.push_back({"fine", num_units, ScoreRole::kScore, widths, 1});
  } else {
    for (const int tensor : watched_tensors(rule, model, request)) {
      const ArenaEntry& entry = (*layout)[tensor];
      if (local) {
        blocks.push_back({"element/" + entry.name, entry.numel, ScoreRole::kScore, {entry.numel}, 0});
      } else {
        blocks.push_back({"moments/" + entry.name, columns_of(entry), ScoreRole::kScore, {}, 0});
        if (!rule.fluctuation) continue;
        blocks.push_back({"sums/" + entry.name, columns_of(entry), ScoreRole::kScore, {}, 0});
        blocks.push_back({"positions/" + entry.name, 1, ScoreRole::kScore, {}, 0});
      }
    }
  }
  if (units && request.confidence) Confidence::append_blocks(num_units, blocks);
  blocks.push_back({"weight", 1, ScoreRole::kWeight});
  return blocks;
}

UnitScores decode_activation_units(ActivationRule rule, const Model& model, const Arena& base,
                                   const ScoreRequest& request, std::span<const std::vector<double>> sums) {
  UnitScores scores;
  scores.weight = sums.back()[0];
  std::size_t confidence = 2;
  if (request.form == ScoreForm::kLocal) {
    scores.coarse = sums[0];
    scores.fine = sums[1];
    for (double& value : scores.coarse) value /= scores.weight;
    for (double& value : scores.fine) value /= scores.weight;
  } else {
    const Moments moments = read_moments(rule, watched_tensors(rule, model, request), sums);
    score_units(rule, vectors_of(rule, model), base, moments, scores.weight, scores.coarse, scores.fine);
    confidence = moments.size() * blocks_per_tensor(rule);
  }
  if (request.confidence) Confidence::decode(sums.subspan(confidence, Confidence::kNumBlocks), scores);
  return scores;
}

ElementScores decode_activation_elements(ActivationRule rule, const Model& model, const Arena& base,
                                         const ScoreRequest& request, std::span<const std::vector<double>> sums) {
  ElementScores scores;
  const std::vector<int> tensors = watched_tensors(rule, model, request);
  Moments moments;
  if (request.form == ScoreForm::kSigned) moments = read_moments(rule, tensors, sums);
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    std::vector<double> values = sums[t];
    if (request.form == ScoreForm::kSigned) {
      values = energies(rule, base.floats(tensors[t]), &moments[tensors[t]], sums.back()[0]);
      for (double& value : values) value = std::sqrt(value);
    } else {
      for (double& value : values) value /= sums.back()[0];
    }
    scores[tensors[t]].assign(values.begin(), values.end());
  }
  return scores;
}

}  // namespace coppice
