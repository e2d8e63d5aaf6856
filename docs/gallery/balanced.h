// Balanced sparsity (Yao et al. 2019): every `group` consecutive inputs of an output keep equally many weights, as many as the budget has
// for the matrix. With density N / M and groups of M it is the built-in N:M.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algorithms/masking/pattern.h"
#include "core/error.h"

struct Balanced final : coppice::MaskPattern {
  std::int64_t group = 16;

  void visit(coppice::FieldVisitor& v) override {
    v.field("group", group, "consecutive inputs that keep equally many weights", coppice::at_least(2));
  }

  void check(const coppice::ArenaEntry& matrix) const override {
    if (matrix.shape.at(1) % group == 0) return;
    throw coppice::InputError("pattern balanced: tensor '" + matrix.name + "' has " + std::to_string(matrix.shape[1]) +
                              " inputs; expected a multiple of group " + std::to_string(group));
  }

  coppice::Bits keep(const coppice::ArenaEntry& matrix, std::span<const float> scores, std::int64_t quota) const override {
    const std::int64_t inputs = matrix.shape[1], spatial = matrix.numel / matrix.shape[0] / inputs;  // kernel positions; 1 in a linear layer
    const double share = static_cast<double>(quota) / static_cast<double>(matrix.numel);
    const auto kept = std::max<std::int64_t>(std::llround(share * static_cast<double>(group)), 1);
    coppice::Bits bits(matrix.numel, false);
    std::vector<std::int64_t> members(static_cast<std::size_t>(group));
    for (std::int64_t output = 0; output < matrix.shape[0]; ++output) {
      for (std::int64_t position = 0; position < spatial; ++position) {
        for (std::int64_t first = 0; first < inputs; first += group) {
          for (std::int64_t i = 0; i < group; ++i) members[static_cast<std::size_t>(i)] = (output * inputs + first + i) * spatial + position;
          std::stable_sort(members.begin(), members.end(), [&](std::int64_t a, std::int64_t b) {
            return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
          });
          for (std::int64_t i = 0; i < kept; ++i) bits.set(members[static_cast<std::size_t>(i)], true);
        }
      }
    }
    return bits;
  }
};
