#include "algorithms/methods/train_sums.h"

#include <algorithm>

#include "algorithms/aggregation/krum.h"
#include "algorithms/aggregation/pooled_moments.h"
#include "algorithms/exchange/report_blocks.h"
#include "core/error.h"
#include "models/support.h"

namespace coppice {
namespace {

std::vector<double> values_of(const Envelope& report, const std::string& block) {
  for (const Block& b : report.blocks) {
    if (b.name != block) continue;
    std::vector<double> values(static_cast<std::size_t>(b.num_values()));
    std::copy_n(reinterpret_cast<const double*>(b.values.data()), values.size(), values.begin());
    return values;
  }
  throw Error("a report lacks the block '" + block + "'");
}

}  // namespace

TrainSums::TrainSums(const Answer& answer, const AggregationConfig& aggregation, const ArenaLayout& base) : answer_(answer) {
  const auto* krum = std::get_if<KrumAggregation>(&aggregation);
  if (krum == nullptr) return;
  std::vector<std::vector<double>> flat;
  for (const Envelope& report : answer.reports()) {
    std::vector<double> all;
    const double weight = values_of(report, "train/weight").at(0);
    for (const ArenaEntry& entry : base.entries()) {
      for (const double v : values_of(report, "train/delta/" + entry.name)) all.push_back(v / weight);
    }
    flat.push_back(std::move(all));
  }
  selected_ = krum_select(flat, krum->byzantine, krum->select);
  chosen_ = true;
}

std::vector<double> TrainSums::sum(const std::string& block) const {
  if (!chosen_) return answer_.sum(block);
  std::vector<double> total;
  for (const std::size_t i : selected_) {
    const std::vector<double> one = values_of(answer_.reports()[i], block);
    total.resize(one.size(), 0.0);
    for (std::size_t j = 0; j < one.size(); ++j) total[j] += one[j];
  }
  return total;
}

void TrainSums::for_each_chunk(const std::string& block, const Answer::TakeChunk& take) const {
  if (chosen_) {
    take(0, sum(block));
  } else {
    answer_.for_each_chunk(block, take);
  }
}

Arena TrainSums::mean(const std::string& prefix, double weight, const Arena& like, const Mask* mask) const {
  Arena mean = like.zeros_like();
  std::vector<float> kept;
  for (int i = 0; i < like.layout().size(); ++i) {
    const bool sparse = mask != nullptr && !mask->keeps_all(i);
    if (sparse) kept.resize(static_cast<std::size_t>(mask->bits(i).count()));
    const std::span<float> values = sparse ? std::span(kept) : mean.floats(i);
    for_each_chunk(prefix + like.layout()[i].name, [&](std::size_t first, std::span<const double> total) {
      for (std::size_t j = 0; j < total.size(); ++j) values[first + j] = static_cast<float>(total[j] / weight);
    });
    if (sparse) scatter_kept(kept, mask->bits(i), mean.floats(i));
  }
  return mean;
}

Arena TrainSums::mean_of_senders(const std::string& prefix, const WeightsOf& weights_of, const Arena& like) const {
  Arena mean = like.zeros_like();
  for (int i = 0; i < like.layout().size(); ++i) {
    const std::vector<double> weights = weights_of(i);
    const std::span<float> values = mean.floats(i);
    for_each_chunk(prefix + like.layout()[i].name, [&](std::size_t first, std::span<const double> total) {
      for (std::size_t j = 0; j < total.size(); ++j) {
        if (weights[first + j] > 0.0) values[first + j] = static_cast<float>(total[j] / weights[first + j]);
      }
    });
  }
  return mean;
}

Arena TrainSums::pooled_moments(double weight, const Arena& moments) const {
  Arena next = moments.clone();
  const std::vector<std::string> norms = norm_names(moments.layout());
  for (std::size_t i = 0; i < norms.size(); ++i) {
    pool_moments(sum("train/mean/" + norms[i]), sum("train/square/" + norms[i]), weight, next.floats(static_cast<int>(2 * i)),
                 next.floats(static_cast<int>(2 * i + 1)));
  }
  return next;
}

}  // namespace coppice
