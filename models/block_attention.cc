#include "models/block_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "models/attention_kernels.h"
#include "models/parallel_rows.h"

namespace coppice {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr std::int64_t kBlockTokens = 128;
constexpr std::int64_t kFewestTokens = 16;

std::uint16_t* bits_of(const at::Tensor& x) { return static_cast<std::uint16_t*>(x.mutable_data_ptr()); }

// Shapes: N = B G groups of heads, R heads of a group, T tokens that ask, S that are seen; rows are (token, head) with the head inside.
struct Shape {
  std::int64_t batch, groups, heads, asking, seen, width;

  Shape(const at::Tensor& k_BGSD, std::int64_t query_heads, std::int64_t tokens)
      : batch(k_BGSD.size(0)), groups(k_BGSD.size(1)), heads(query_heads / groups), asking(tokens), seen(k_BGSD.size(2)),
        width(k_BGSD.size(3)) {}

  // [B, G R, T, D] -> [N, T R, D]
  at::Tensor rows(const at::Tensor& x_BHTD) const {
    return x_BHTD.view({batch, groups, heads, asking, width}).permute({0, 1, 3, 2, 4}).reshape({batch * groups, asking * heads, width}).contiguous();
  }
  // [B, G R, T, D] with the heads inside in memory, as the products around want them.
  at::Tensor from_rows(const at::Tensor& x_NRD) const {
    const at::Tensor x_BTHD = x_NRD.view({batch, groups, asking, heads, width}).permute({0, 2, 1, 3, 4}).reshape({batch, asking, groups * heads, width});
    return x_BTHD.transpose(1, 2);
  }
  at::Tensor keys(const at::Tensor& x_BGSD) const { return x_BGSD.reshape({batch * groups, seen, width}); }
  double scale() const { return 1.0 / std::sqrt(static_cast<double>(width)); }
};

// Queries [first, first + tokens) and the keys up to the last that any of them sees.
struct Block {
  std::int64_t first, tokens, keys;
};

std::vector<Block> blocks_of(const Shape& shape) {
  std::vector<Block> blocks;
  for (std::int64_t t = 0; t < shape.asking; t += kBlockTokens) {
    const std::int64_t tokens = std::min(kBlockTokens, shape.asking - t);
    blocks.push_back({t, tokens, shape.seen - shape.asking + t + tokens});
  }
  return blocks;
}

at::Tensor rows_of(const at::Tensor& x_NRD, const Block& block, const Shape& shape) {
  return x_NRD.narrow(1, block.first * shape.heads, block.tokens * shape.heads);
}

at::Tensor scores_of(const at::Tensor& q_NRD, const at::Tensor& k_NSD, const Block& block, const Shape& shape) {
  return at::bmm(rows_of(q_NRD, block, shape), k_NSD.narrow(1, 0, block.keys).transpose(1, 2));
}

// Calls body(row of x [N, rows of the block, keys], keys that the row sees, place of the row among all N T R) for every row.
template <class Body>
void for_score_rows(const Block& block, const Shape& shape, const Body& body) {
  const std::int64_t rows = block.tokens * shape.heads;
  for_rows(shape.batch * shape.groups * rows, block.keys, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const std::int64_t row = at % rows;
      body(at, block.keys - block.tokens + row / shape.heads + 1, at / rows * shape.asking * shape.heads + block.first * shape.heads + row);
    }
  });
}

class BlockAttention : public torch::autograd::Function<BlockAttention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_BHTD, const at::Tensor& k_BGSD, const at::Tensor& v_BGSD) {
    const Shape shape(k_BGSD, q_BHTD.size(1), q_BHTD.size(2));
    const at::Tensor q_NRD = shape.rows(q_BHTD * shape.scale()), k_NSD = shape.keys(k_BGSD), v_NSD = shape.keys(v_BGSD);
    const at::Tensor y_NRD = at::empty_like(q_NRD);
    const at::Tensor normalisers = at::empty({q_NRD.size(0) * q_NRD.size(1), 2}, at::TensorOptions().dtype(at::kFloat));
    auto* normaliser = reinterpret_cast<LogSumExp*>(normalisers.mutable_data_ptr<float>());
    for (const Block& block : blocks_of(shape)) {
      const at::Tensor scores_NRS = scores_of(q_NRD, k_NSD, block, shape);
      auto* scores = bits_of(scores_NRS);
      for_score_rows(block, shape, [&](std::int64_t at, std::int64_t visible, std::int64_t row) {
        thread_local std::vector<float> room;
        room.resize(std::max(room.size(), static_cast<std::size_t>(visible)));
        normaliser[row] = softmax(scores + at * block.keys, visible, block.keys, room.data());
      });
      rows_of(y_NRD, block, shape).copy_(at::bmm(scores_NRS, v_NSD.narrow(1, 0, block.keys)));
    }
    context->save_for_backward({k_BGSD, v_BGSD, q_NRD, y_NRD, normalisers});
    context->saved_data["heads"] = q_BHTD.size(1);
    context->saved_data["tokens"] = q_BHTD.size(2);
    return shape.from_rows(y_NRD);
  }

  static tensor_list backward(AutogradContext* context, tensor_list outer) {
    if (at::GradMode::is_enabled()) throw Error("attention in bfloat16 is differentiated once only");
    const tensor_list saved = context->get_saved_variables();
    const at::Tensor &k_BGSD = saved[0], &v_BGSD = saved[1], &q_NRD = saved[2], &y_NRD = saved[3];
    const Shape shape(k_BGSD, context->saved_data["heads"].toInt(), context->saved_data["tokens"].toInt());
    const auto* normaliser = reinterpret_cast<const LogSumExp*>(saved[4].const_data_ptr<float>());
    const at::Tensor k_NSD = shape.keys(k_BGSD), v_NSD = shape.keys(v_BGSD), g_NRD = shape.rows(outer[0]);
    const at::Tensor to_q_NRD = at::empty_like(q_NRD);
    const auto wide = at::TensorOptions().dtype(at::kFloat);
    const at::Tensor to_k_NSD = at::zeros(k_NSD.sizes(), wide), to_v_NSD = at::zeros(v_NSD.sizes(), wide);
    for (const Block& block : blocks_of(shape)) {
      const at::Tensor weights_NRS = scores_of(q_NRD, k_NSD, block, shape);
      const at::Tensor g_block = rows_of(g_NRD, block, shape);
      const at::Tensor slopes_NRS = at::bmm(g_block, v_NSD.narrow(1, 0, block.keys).transpose(1, 2));
      auto *weights = bits_of(weights_NRS), *slopes = bits_of(slopes_NRS);
      const auto *g = bits_of(g_NRD), *y = bits_of(y_NRD);
      for_score_rows(block, shape, [&](std::int64_t at, std::int64_t visible, std::int64_t row) {
        auto* x = weights + at * block.keys;
        softmax_again(x, visible, block.keys, normaliser[row]);
        // The mean slope is g y: y is the mean of the values.
        const float mean = inner_product(g + row * shape.width, y + row * shape.width, shape.width);
        softmax_slopes(x, block.keys, mean, slopes + at * block.keys);
      });
      to_v_NSD.narrow(1, 0, block.keys).add_(at::bmm(weights_NRS.transpose(1, 2), g_block));
      to_k_NSD.narrow(1, 0, block.keys).add_(at::bmm(slopes_NRS.transpose(1, 2), rows_of(q_NRD, block, shape)));
      rows_of(to_q_NRD, block, shape).copy_(at::bmm(slopes_NRS, k_NSD.narrow(1, 0, block.keys)));
    }
    const auto narrow = k_BGSD.scalar_type();
    return {shape.from_rows(to_q_NRD * shape.scale()), to_k_NSD.to(narrow).view(k_BGSD.sizes()), to_v_NSD.to(narrow).view(v_BGSD.sizes())};
  }
};

}  // namespace

bool is_block_attention(const at::Tensor& q_BHTD, const KeysAndValues& seen) {
  const auto fits = [](const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kBFloat16; };
  return fits(q_BHTD) && fits(seen.k_BGSD) && fits(seen.v_BGSD) && q_BHTD.size(2) >= kFewestTokens;
}

at::Tensor block_attention(const at::Tensor& q_BHTD, const KeysAndValues& seen) {
  return BlockAttention::apply(q_BHTD, seen.k_BGSD, seen.v_BGSD);
}

}  // namespace coppice
