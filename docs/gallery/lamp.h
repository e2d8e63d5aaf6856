// LAMP (Lee et al. 2021, "Layer-adaptive Sparsity for the Magnitude-based Pruning", eq. 2): score(w_u) = w_u^2 / sum of w_v^2 over the weights
// v of the layer with |w_v| >= |w_u|, which makes the scores of layers comparable. `layers: alike` leaves w_u^2, plain magnitude.
#pragma once

#include <algorithm>
#include <numeric>

#include "algorithms/importance/custom_importance.h"

struct Lamp final : coppice::WeightImportance {
  enum class Layers : std::uint8_t { kAdaptive, kAlike };
  Layers layers = Layers::kAdaptive;

  void visit(coppice::FieldVisitor& v) override {
    v.choice("layers", layers, {"adaptive", "alike"}, "whether a layer's largest weights weigh its small ones down");
  }

  std::vector<float> scores(const coppice::ArenaEntry& /*matrix*/, std::span<const float> weights) const override {
    std::vector<double> squares;
    for (const float w : weights) squares.push_back(static_cast<double>(w) * w);
    std::vector<float> scores(squares.begin(), squares.end());
    if (layers == Layers::kAlike) return scores;
    std::vector<std::size_t> order(squares.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return squares[a] > squares[b]; });
    double larger = 0.0;
    for (const std::size_t u : order) {
      larger += squares[u];
      scores[u] = static_cast<float>(larger > 0.0 ? squares[u] / larger : 0.0);
    }
    return scores;
  }
};
