#include "algorithms/compensation/sparse_gpt.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include "algorithms/compensation/sparse_gpt_kernels.h"
#include "algorithms/masking/blocks.h"
#include "core/error.h"

namespace coppice {
namespace {

constexpr std::int64_t kSolved = 96;     // largest triangle that is not halved
constexpr std::int64_t kTileRows = 128;  // a tile of 128 columns stays in the second-level cache

// [begin, end) of a matrix's columns, worked on together.
struct ColumnBlock {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t size() const { return end - begin; }
};

// Columns taken at once: whole runs of M or C.
std::int64_t block_width(const Pattern& pattern, std::int64_t columns) {
  const std::int64_t run = pattern.kind == Pattern::Kind::kUnstructured ? 1 : pattern.second;
  return std::max(columns / run, std::int64_t{1}) * run;
}

// The pieces of a block with the largest mean w^2 / u_jj^2, so many that with those before them they make up the quota's share.
// kept_CO[(j - begin) * O + o]: 1 or 0.
void keep_pieces(const at::Tensor& w_OI, const at::Tensor& u_II, const Pattern& pattern, std::int64_t quota, ColumnBlock block,
                 std::vector<float>& kept_CO) {
  const bool single = pattern.kind == Pattern::Kind::kUnstructured;
  const std::int64_t outputs = w_OI.size(0), inputs = w_OI.size(1);
  const std::int64_t rows = single ? 1 : std::min(pattern.first, outputs), cols = single ? 1 : pattern.second;
  const std::int64_t across = block.size() / cols, pieces = outputs / rows * across;
  const float* w = w_OI.const_data_ptr<float>();
  const float* u = u_II.const_data_ptr<float>();
  std::vector<float> scores(static_cast<std::size_t>(pieces), 0.0F);
  const auto piece_of = [&](std::int64_t o, std::int64_t j) {
    return static_cast<std::size_t>(o / rows * across + (j - block.begin) / cols);
  };
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t j = block.begin; j < block.end; ++j) {
      const float relative = w[o * inputs + j] / u[j * inputs + j];
      scores[piece_of(o, j)] += relative * relative;
    }
  }
  const auto pieces_until = [&](std::int64_t column) {
    const double weights = static_cast<double>(quota) * static_cast<double>(column) / static_cast<double>(inputs);
    return std::llround(weights / static_cast<double>(rows * cols));
  };
  std::vector<float> chosen(static_cast<std::size_t>(pieces), 0.0F);
  for (const std::int64_t piece : top_positions(scores, pieces_until(block.end) - pieces_until(block.begin))) {
    chosen[static_cast<std::size_t>(piece)] = 1.0F;
  }
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t j = block.begin; j < block.end; ++j) {
      kept_CO[static_cast<std::size_t>((j - block.begin) * outputs + o)] = chosen[piece_of(o, j)];
    }
  }
}

// Prunes rows [first, first + rows) of a block; leaves their errors, one a column and row, in error_CO.
void prune_tile(const at::Tensor& w_OI, const at::Tensor& u_II, const Pattern& pattern, ColumnBlock block, std::int64_t first,
                std::int64_t rows, std::vector<float>& kept_CO, const at::Tensor& error_CO) {
  const std::int64_t outputs = w_OI.size(0), inputs = w_OI.size(1), size = block.size();
  float* w = w_OI.mutable_data_ptr<float>();
  const float* u = u_II.const_data_ptr<float>();
  float* errors = error_CO.mutable_data_ptr<float>();
  std::vector<float> tile(static_cast<std::size_t>(size * rows)), kept(tile.size()), error(static_cast<std::size_t>(rows));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < size; ++c) {
      tile[static_cast<std::size_t>(c * rows + r)] = w[(first + r) * inputs + block.begin + c];
      kept[static_cast<std::size_t>(c * rows + r)] = kept_CO[static_cast<std::size_t>(c * outputs + first + r)];
    }
  }
  for (std::int64_t c = 0; c < size; ++c) {
    const ColumnFactor factor{u + (block.begin + c) * inputs + block.begin + c, inputs};
    float* column = tile.data() + c * rows;
    if (pattern.kind == Pattern::Kind::kNOfM && c % pattern.second == 0) {
      keep_n_of_m(column, factor, pattern.first, pattern.second, rows, kept.data() + c * rows);
    }
    drop_column(column, factor, kept.data() + c * rows, size - c - 1, rows, error.data());
    std::copy(error.begin(), error.end(), errors + c * outputs + first);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < size; ++c) {
      w[(first + r) * inputs + block.begin + c] = tile[static_cast<std::size_t>(c * rows + r)];
      kept_CO[static_cast<std::size_t>(c * outputs + first + r)] = kept[static_cast<std::size_t>(c * rows + r)];
    }
  }
}

// Of an upper triangle, by halves: (A B; 0 D)^-1 = (A^-1  -A^-1 B D^-1; 0  D^-1), a third of the work of solving for a unit matrix.
at::Tensor upper_inverse(const at::Tensor& r_II) {
  const std::int64_t size = r_II.size(0), half = size / 2;
  if (size <= kSolved) return at::linalg_solve_triangular(r_II, at::eye(size, r_II.options()), true);
  const at::Tensor out_II = at::zeros({size, size}, r_II.options());
  const at::Tensor first = out_II.narrow(0, 0, half), last = out_II.narrow(0, half, size - half);
  const at::Tensor a = first.narrow(1, 0, half), d = last.narrow(1, half, size - half);
  a.copy_(upper_inverse(r_II.narrow(0, 0, half).narrow(1, 0, half)));
  d.copy_(upper_inverse(r_II.narrow(0, half, size - half).narrow(1, half, size - half)));
  const at::Tensor b = r_II.narrow(0, 0, half).narrow(1, half, size - half);
  first.narrow(1, half, size - half).addmm_(at::matmul(a, b), d, 0.0, -1.0);
  return out_II;
}

}  // namespace

InverseFactor inverse_factor(at::Tensor h_II, double damping) {
  at::Tensor diagonal_I = h_II.diagonal();
  const at::Tensor dead_I = diagonal_I == 0.0;
  diagonal_I.masked_fill_(dead_I, 1.0);
  diagonal_I.add_(damping * diagonal_I.mean().item<double>());
  // H = R R^T with R upper: the Cholesky factor of H with rows and columns in reverse, reversed. Then H^-1 = (R^-1)^T R^-1.
  const auto [lower_II, info] = at::linalg_cholesky_ex(h_II.flip({0, 1}));
  if (info.item<int>() != 0) {
    throw InputError("prune.compensation.damping: found " + std::to_string(damping) +
                     "; the products of inputs stay singular, expected more");
  }
  const at::Tensor r_II = lower_II.flip({0, 1});
  return {upper_inverse(r_II).to(at::kFloat).contiguous(), dead_I};
}

Bits sparse_gpt(const at::Tensor& w_OI, const InverseFactor& factor, const Pattern& pattern, std::int64_t quota, std::int64_t columns) {
  const std::int64_t outputs = w_OI.size(0), inputs = w_OI.size(1);
  const std::int64_t width = block_width(pattern, columns);
  w_OI.masked_fill_(factor.dead_I, 0.0);
  Bits bits(outputs * inputs, false);
  std::vector<float> kept_CO;
  for (std::int64_t begin = 0; begin < inputs; begin += width) {
    const ColumnBlock block{begin, std::min(begin + width, inputs)};
    kept_CO.assign(static_cast<std::size_t>(block.size() * outputs), 0.0F);
    if (pattern.kind != Pattern::Kind::kNOfM) keep_pieces(w_OI, factor.u_II, pattern, quota, block, kept_CO);
    const at::Tensor error_CO = at::empty({block.size(), outputs}, w_OI.options());
    for (std::int64_t first = 0; first < outputs; first += kTileRows) {
      prune_tile(w_OI, factor.u_II, pattern, block, first, std::min(kTileRows, outputs - first), kept_CO, error_CO);
    }
    if (block.end < inputs) {
      const std::int64_t behind = inputs - block.end;
      w_OI.narrow(1, block.end, behind)
          .addmm_(error_CO.t(), factor.u_II.narrow(0, begin, block.size()).narrow(1, block.end, behind), 1.0, -1.0);
    }
    for (std::int64_t c = 0; c < block.size(); ++c) {
      for (std::int64_t o = 0; o < outputs; ++o) {
        if (kept_CO[static_cast<std::size_t>(c * outputs + o)] != 0.0F) bits.set(o * inputs + begin + c, true);
      }
    }
  }
  return bits;
}

}  // namespace coppice
