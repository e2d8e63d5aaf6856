#include "models/measures.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace coppice {
namespace {

std::int64_t score_bin(double log_odds) {
  const double position = (log_odds + kScoreRange) * (kScoreBins / (2.0 * kScoreRange));
  return static_cast<std::int64_t>(std::clamp(position, 0.0, kScoreBins - 1.0));
}

bool all_finite(std::span<const float> row) {
  return std::all_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); });
}

// Rows of logits as float32, without a copy of all of them where they are not.
class Rows {
 public:
  explicit Rows(const at::Tensor& logits)
      : width_(logits.size(-1)), logits_NV_(logits.detach().reshape({-1, width_}).contiguous()) {}

  std::int64_t size() const { return logits_NV_.size(0); }
  // Valid until the next call.
  std::span<const float> operator[](std::int64_t n) {
    const auto width = static_cast<std::size_t>(width_);
    if (logits_NV_.scalar_type() == at::kFloat) return {logits_NV_.const_data_ptr<float>() + n * width_, width};
    row_ = logits_NV_.select(0, n).to(at::kFloat);
    return {row_.const_data_ptr<float>(), width};
  }

 private:
  std::int64_t width_;
  at::Tensor logits_NV_;
  at::Tensor row_;
};

std::int64_t first_largest(std::span<const float> row) { return std::max_element(row.begin(), row.end()) - row.begin(); }

// log(1 + e^x) without overflow.
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

void add_reliability(MeasureSums& sums, double confidence, bool hit) {
  const auto bin = std::min(static_cast<std::int64_t>(confidence * kReliabilityBins), kReliabilityBins - 1);
  ++sums.reliability_count[bin];
  sums.reliability_hits[bin] += hit ? 1 : 0;
  sums.reliability_confidence[bin] += confidence;
}

void add_class(MeasureSums& sums, std::span<const float> row, std::int64_t truth) {
  const std::int64_t predicted = first_largest(row);
  const double largest = row[predicted];
  double total = 0.0;
  for (const float logit : row) total += std::exp(logit - largest);
  sums.loss_sum += std::log(total) - (row[truth] - largest);
  sums.hits += predicted == truth ? 1 : 0;
  add_reliability(sums, 1.0 / total, predicted == truth);
  if (sums.confusion.empty()) return;
  ++sums.confusion[truth * sums.outputs + predicted];
  for (std::int64_t v = 0; v < sums.outputs; ++v) {
    const double others = total - std::exp(row[v] - largest);
    const double log_odds = others > 0.0 ? row[v] - largest - std::log(others) : kScoreRange;
    ++(v == truth ? sums.positives : sums.negatives)[v * kScoreBins + score_bin(log_odds)];
  }
}

void add_labels(MeasureSums& sums, std::span<const float> row, const float* targets) {
  double loss = 0.0;
  for (std::int64_t v = 0; v < sums.outputs; ++v) {
    const double logit = row[v];
    const bool truth = targets[v] > 0.5F, predicted = logit > 0.0;
    loss += softplus(logit) - logit * targets[v];
    sums.hits += predicted == truth ? 1 : 0;
    add_reliability(sums, 1.0 / (1.0 + std::exp(-std::abs(logit))), predicted == truth);
    if (sums.confusion.empty()) continue;
    ++sums.confusion[v * 4 + (truth ? 2 : 0) + (predicted ? 1 : 0)];
    ++(truth ? sums.positives : sums.negatives)[v * kScoreBins + score_bin(logit)];
  }
  sums.loss_sum += loss / static_cast<double>(sums.outputs);
}

void add_errors(MeasureSums& sums, std::span<const float> row, const float* targets) {
  double loss = 0.0;
  for (std::int64_t v = 0; v < sums.outputs; ++v) {
    const double target = targets[v], error = row[v] - target;
    loss += error * error;
    double* totals = sums.errors.data() + v * 4;
    totals[0] += error * error;
    totals[1] += std::abs(error);
    totals[2] += target;
    totals[3] += target * target;
  }
  sums.loss_sum += loss / static_cast<double>(sums.outputs);
}

void add_words(MeasureSums& sums, std::span<const float> row, const float* targets) {
  double words = 0.0;
  for (std::int64_t v = 0; v < sums.outputs; ++v) {
    sums.loss_sum += static_cast<double>(row[v]) * targets[v];
    words += targets[v];
  }
  sums.count += std::llround(words);
}

double exact_count(double value) {
  if (!(value >= 0.0 && value <= 9007199254740992.0 && value == std::floor(value))) {
    throw InputError("measures: found " + std::to_string(value) + "; expected a count");
  }
  return value;
}

// Calls `visit` with every sum, in the order of the fields.
template <class Sums, class Visit>
void for_each_sum(Sums& sums, Visit&& visit) {
  visit(sums.loss_sum);
  visit(sums.count);
  visit(sums.hits);
  for (auto* counts : {&sums.confusion, &sums.positives, &sums.negatives, &sums.reliability_count, &sums.reliability_hits}) {
    for (auto& value : *counts) visit(value);
  }
  for (auto* values : {&sums.reliability_confidence, &sums.errors}) {
    for (auto& value : *values) visit(value);
  }
}

struct Mean {
  void add(double value) {
    sum += value;
    ++terms;
  }
  std::optional<double> get() const { return terms > 0 ? std::optional(sum / static_cast<double>(terms)) : std::nullopt; }
  double sum = 0.0;
  std::int64_t terms = 0;
};

std::optional<double> macro_f1(const MeasureSums& sums) {
  Mean mean;
  for (std::int64_t v = 0; v < sums.outputs && !sums.confusion.empty(); ++v) {
    std::int64_t both = 0, truth = 0, predicted = 0;
    if (sums.kind == LossKind::kBinary) {
      const std::int64_t* cell = sums.confusion.data() + v * 4;
      both = cell[3];
      truth = cell[2] + cell[3];
      predicted = cell[1] + cell[3];
    } else {
      both = sums.confusion[v * sums.outputs + v];
      for (std::int64_t u = 0; u < sums.outputs; ++u) {
        truth += sums.confusion[v * sums.outputs + u];
        predicted += sums.confusion[u * sums.outputs + v];
      }
    }
    if (truth + predicted > 0) mean.add(2.0 * static_cast<double>(both) / static_cast<double>(truth + predicted));
  }
  return mean.get();
}

std::optional<double> auroc(const MeasureSums& sums) {
  Mean mean;
  for (std::int64_t v = 0; v < sums.outputs && !sums.positives.empty(); ++v) {
    double below = 0.0, positives = 0.0, won = 0.0;
    for (std::int64_t b = v * kScoreBins; b < (v + 1) * kScoreBins; ++b) {
      const auto here = static_cast<double>(sums.negatives[b]), positive = static_cast<double>(sums.positives[b]);
      won += positive * (below + 0.5 * here);
      below += here;
      positives += positive;
    }
    if (positives > 0.0 && below > 0.0) mean.add(won / (positives * below));
  }
  return mean.get();
}

std::optional<double> calibration_error(const MeasureSums& sums) {
  double gaps = 0.0;
  std::int64_t total = 0;
  for (std::size_t b = 0; b < sums.reliability_count.size(); ++b) {
    gaps += std::abs(static_cast<double>(sums.reliability_hits[b]) - sums.reliability_confidence[b]);
    total += sums.reliability_count[b];
  }
  return total > 0 ? std::optional(gaps / static_cast<double>(total)) : std::nullopt;
}

std::optional<double> r_squared(const MeasureSums& sums) {
  Mean mean;
  const auto count = static_cast<double>(sums.count);
  for (std::int64_t v = 0; v < sums.outputs && sums.count > 0; ++v) {
    const double* totals = sums.errors.data() + v * 4;
    const double spread = totals[3] - totals[2] * totals[2] / count;
    if (spread > 0.0) mean.add(1.0 - totals[0] / spread);
  }
  return mean.get();
}

}  // namespace

MeasureSums::MeasureSums(LossKind loss, std::int64_t num_outputs) : kind(loss), outputs(num_outputs) {
  if (kind == LossKind::kWordCosts) return;
  if (kind == LossKind::kSquaredError) {
    errors.assign(outputs * 4, 0.0);
    return;
  }
  reliability_count.assign(kReliabilityBins, 0);
  reliability_hits.assign(kReliabilityBins, 0);
  reliability_confidence.assign(kReliabilityBins, 0.0);
  if (outputs > kMostClasses) return;
  confusion.assign(kind == LossKind::kBinary ? outputs * 4 : outputs * outputs, 0);
  positives.assign(outputs * kScoreBins, 0);
  negatives.assign(outputs * kScoreBins, 0);
}

void MeasureSums::add(const at::Tensor& logits, const at::Tensor& targets) {
  check_targets(kind, logits, targets);
  if (logits.size(-1) != outputs) {
    throw InputError("found logits of " + std::to_string(logits.size(-1)) + " outputs; expected " + std::to_string(outputs));
  }
  Rows rows(logits);
  const at::Tensor packed_targets = targets.contiguous();
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const std::span<const float> row = rows[i];
    if (kind == LossKind::kCrossEntropy && packed_targets.const_data_ptr<std::int64_t>()[i] == kIgnoredTarget) continue;
    if (kind != LossKind::kWordCosts) ++count;
    if (!all_finite(row)) {
      loss_sum += std::nan("");
    } else if (kind == LossKind::kWordCosts) {
      add_words(*this, row, packed_targets.const_data_ptr<float>() + i * outputs);
    } else if (kind == LossKind::kCrossEntropy) {
      add_class(*this, row, packed_targets.const_data_ptr<std::int64_t>()[i]);
    } else {
      const float* target = packed_targets.const_data_ptr<float>() + i * outputs;
      kind == LossKind::kBinary ? add_labels(*this, row, target) : add_errors(*this, row, target);
    }
  }
}

MeasureSums& MeasureSums::operator+=(const MeasureSums& other) {
  if (kind != other.kind || outputs != other.outputs) throw Error("sums of different measures cannot be added");
  const std::vector<double> theirs = other.flat();
  std::size_t next = 0;
  for_each_sum(*this, [&](auto& value) { value += static_cast<std::decay_t<decltype(value)>>(theirs[next++]); });
  return *this;
}

std::vector<double> MeasureSums::flat() const {
  std::vector<double> values;
  for_each_sum(*this, [&values](const auto& value) { values.push_back(static_cast<double>(value)); });
  return values;
}

MeasureSums MeasureSums::from_flat(LossKind loss, std::int64_t num_outputs, std::span<const double> values) {
  MeasureSums sums(loss, num_outputs);
  std::size_t size = 0;
  for_each_sum(sums, [&size](const auto&) { ++size; });
  if (values.size() != size) {
    throw InputError("measures: found " + std::to_string(values.size()) + " sums; expected " + std::to_string(size));
  }
  std::size_t next = 0;
  for_each_sum(sums, [&](auto& value) {
    using Value = std::decay_t<decltype(value)>;
    const double found = values[next++];
    value = static_cast<Value>(std::is_integral_v<Value> ? exact_count(found) : found);
  });
  return sums;
}

Metrics metrics_of(const MeasureSums& sums) {
  Metrics metrics;
  if (sums.count == 0) return metrics;
  const auto count = static_cast<double>(sums.count), outputs = static_cast<double>(sums.outputs);
  metrics.loss = sums.loss_sum / count;
  if (sums.kind == LossKind::kWordCosts) {
    metrics.perplexity = std::exp(*metrics.loss);
    return metrics;
  }
  if (sums.kind == LossKind::kSquaredError) {
    double squares = 0.0, absolutes = 0.0;
    for (std::int64_t v = 0; v < sums.outputs; ++v) {
      squares += sums.errors[v * 4];
      absolutes += sums.errors[v * 4 + 1];
    }
    metrics.mean_squared_error = squares / (count * outputs);
    metrics.mean_absolute_error = absolutes / (count * outputs);
    metrics.r_squared = r_squared(sums);
    return metrics;
  }
  metrics.accuracy = static_cast<double>(sums.hits) / (sums.kind == LossKind::kBinary ? count * outputs : count);
  metrics.macro_f1 = macro_f1(sums);
  metrics.auroc = auroc(sums);
  metrics.calibration_error = calibration_error(sums);
  return metrics;
}

bool has_accuracy(LossKind kind) { return kind == LossKind::kCrossEntropy || kind == LossKind::kBinary; }

double hits_of(LossKind kind, const at::Tensor& logits, const at::Tensor& targets) {
  if (!has_accuracy(kind)) return 0.0;
  check_targets(kind, logits, targets);
  Rows rows(logits);
  const at::Tensor packed_targets = targets.contiguous();
  const std::int64_t outputs = logits.size(-1);
  std::int64_t hits = 0;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const std::span<const float> row = rows[i];
    if (!all_finite(row)) continue;
    if (kind == LossKind::kCrossEntropy) {
      hits += first_largest(row) == packed_targets.const_data_ptr<std::int64_t>()[i] ? 1 : 0;
      continue;
    }
    const float* target = packed_targets.const_data_ptr<float>() + i * outputs;
    for (std::int64_t v = 0; v < outputs; ++v) hits += (row[v] > 0.0F) == (target[v] > 0.5F) ? 1 : 0;
  }
  return static_cast<double>(hits) / static_cast<double>(kind == LossKind::kBinary ? outputs : 1);
}

}  // namespace coppice
