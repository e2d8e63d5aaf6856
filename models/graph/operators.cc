#include "models/graph/operators.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/error.h"

namespace coppice::graph {
namespace {

constexpr auto kOperators = std::to_array<Operator>({
    // elementwise
    {"aten.abs.default", Rule::kElementwise},
    {"aten.add.Scalar", Rule::kElementwise},
    {"aten.add.Tensor", Rule::kElementwise},
    {"aten.__and__.Tensor", Rule::kElementwise},
    {"aten.bitwise_and.Tensor", Rule::kElementwise},
    {"aten.bitwise_not.default", Rule::kElementwise},
    {"aten.bitwise_or.Tensor", Rule::kElementwise},
    {"aten.clamp.default", Rule::kElementwise},
    {"aten.clamp_max.default", Rule::kElementwise},
    {"aten.clamp_min.default", Rule::kElementwise},
    {"aten.clone.default", Rule::kElementwise},
    {"aten.contiguous.default", Rule::kElementwise},
    {"aten.cos.default", Rule::kElementwise},
    {"aten.detach.default", Rule::kElementwise},
    {"aten.div.Scalar", Rule::kElementwise},
    {"aten.div.Tensor", Rule::kElementwise},
    {"aten.elu.default", Rule::kElementwise},
    {"aten.eq.Scalar", Rule::kElementwise},
    {"aten.eq.Tensor", Rule::kElementwise},
    {"aten.erf.default", Rule::kElementwise},
    {"aten.exp.default", Rule::kElementwise},
    {"aten.ge.Scalar", Rule::kElementwise},
    {"aten.ge.Tensor", Rule::kElementwise},
    {"aten.gelu.default", Rule::kElementwise},
    {"aten.gt.Scalar", Rule::kElementwise},
    {"aten.gt.Tensor", Rule::kElementwise},
    {"aten.hardsigmoid.default", Rule::kElementwise},
    {"aten.hardswish.default", Rule::kElementwise},
    {"aten.hardtanh.default", Rule::kElementwise},
    {"aten.le.Scalar", Rule::kElementwise},
    {"aten.le.Tensor", Rule::kElementwise},
    {"aten.leaky_relu.default", Rule::kElementwise},
    {"aten.log.default", Rule::kElementwise},
    {"aten.logical_and.default", Rule::kElementwise},
    {"aten.logical_not.default", Rule::kElementwise},
    {"aten.logical_or.default", Rule::kElementwise},
    {"aten.lt.Scalar", Rule::kElementwise},
    {"aten.lt.Tensor", Rule::kElementwise},
    {"aten.masked_fill.Scalar", Rule::kElementwise},
    {"aten.masked_fill.Tensor", Rule::kElementwise},
    {"aten.maximum.default", Rule::kElementwise},
    {"aten.minimum.default", Rule::kElementwise},
    {"aten.mish.default", Rule::kElementwise},
    {"aten.mul.Scalar", Rule::kElementwise},
    {"aten.mul.Tensor", Rule::kElementwise},
    {"aten.ne.Scalar", Rule::kElementwise},
    {"aten.ne.Tensor", Rule::kElementwise},
    {"aten.neg.default", Rule::kElementwise},
    {"aten.ones_like.default", Rule::kElementwise},
    {"aten.pow.Tensor_Scalar", Rule::kElementwise},
    {"aten.reciprocal.default", Rule::kElementwise},
    {"aten.relu.default", Rule::kElementwise},
    {"aten.relu6.default", Rule::kElementwise},
    {"aten.rsqrt.default", Rule::kElementwise},
    {"aten.rsub.Scalar", Rule::kElementwise},
    {"aten.selu.default", Rule::kElementwise},
    {"aten.sigmoid.default", Rule::kElementwise},
    {"aten.silu.default", Rule::kElementwise},
    {"aten.sin.default", Rule::kElementwise},
    {"aten.softplus.default", Rule::kElementwise},
    {"aten.sqrt.default", Rule::kElementwise},
    {"aten.square.default", Rule::kElementwise},
    {"aten.sub.Scalar", Rule::kElementwise},
    {"aten.sub.Tensor", Rule::kElementwise},
    {"aten.tanh.default", Rule::kElementwise},
    {"aten.to.dtype", Rule::kElementwise},
    {"aten.to.dtype_layout", Rule::kElementwise},
    {"aten.where.self", Rule::kElementwise},
    {"aten.zeros_like.default", Rule::kElementwise},
    // products
    {"aten.conv1d.default", Rule::kConvolution},
    {"aten.conv2d.default", Rule::kConvolution},
    {"aten.conv_transpose2d.input", Rule::kTransposedConvolution},
    {"aten.linear.default", Rule::kLinear},
    {"aten.matmul.default", Rule::kMatmul},
    {"aten.scaled_dot_product_attention.default", Rule::kAttention},
    {"aten.embedding.default", Rule::kEmbedding},
    // norms
    {"aten.batch_norm.default", Rule::kBatchNorm},
    {"aten.group_norm.default", Rule::kBarrier},
    {"aten.layer_norm.default", Rule::kLastDims},
    {"aten.rms_norm.default", Rule::kLastDims},
    // shapes
    {"aten.cat.default", Rule::kConcat},
    {"aten.constant_pad_nd.default", Rule::kPad},
    {"aten.expand.default", Rule::kExpand},
    {"aten.flatten.using_ints", Rule::kReshape},
    {"aten.narrow.default", Rule::kBarrier},
    {"aten.pad.default", Rule::kPad},
    {"aten.permute.default", Rule::kPermute},
    {"aten.pixel_shuffle.default", Rule::kBarrier},
    {"aten.repeat.default", Rule::kBarrier},
    {"aten.repeat_interleave.self_int", Rule::kRepeatInterleave},
    {"aten.reshape.default", Rule::kReshape},
    {"aten.select.int", Rule::kSelect},
    {"aten.slice.Tensor", Rule::kSlice},
    {"aten.split_with_sizes.default", Rule::kSplit},
    {"aten.squeeze.dim", Rule::kSqueeze},
    {"aten.stack.default", Rule::kBarrier},
    {"aten.t.default", Rule::kPermute},
    {"aten.transpose.int", Rule::kPermute},
    {"aten.unbind.int", Rule::kSelect},
    {"aten.unsqueeze.default", Rule::kUnsqueeze},
    // pooling and reductions
    {"aten.adaptive_avg_pool2d.default", Rule::kPool},
    {"aten.adaptive_max_pool2d.default", Rule::kPool},
    {"aten.amax.default", Rule::kReduce},
    {"aten.avg_pool2d.default", Rule::kPool},
    {"aten.log_softmax.int", Rule::kAlongDim},
    {"aten.max_pool2d.default", Rule::kPool},
    {"aten.mean.dim", Rule::kReduce},
    {"aten.softmax.int", Rule::kAlongDim},
    {"aten.sum.dim_IntList", Rule::kReduce},
    {"aten.upsample_bilinear2d.vec", Rule::kPool},
    {"aten.upsample_nearest2d.vec", Rule::kPool},
    // positions and masks
    {"aten.arange.default", Rule::kSource},
    {"aten.arange.start", Rule::kSource},
    {"aten.arange.start_step", Rule::kSource},
    {"aten.cumsum.default", Rule::kBarrier},
    {"aten.diff.default", Rule::kBarrier},
    {"aten.full.default", Rule::kSource},
    {"aten.gather.default", Rule::kBarrier},
    {"aten.index.Tensor", Rule::kBarrier},
    {"aten.new_ones.default", Rule::kSource},
    {"aten.new_zeros.default", Rule::kSource},
    {"aten.ones.default", Rule::kSource},
    {"aten.tril.default", Rule::kBarrier},
    {"aten.triu.default", Rule::kBarrier},
    {"aten.zeros.default", Rule::kSource},
    // recurrent networks
    {"aten.gru.input", Rule::kBarrier},
    {"aten.lstm.input", Rule::kBarrier},
    // sizes
    {"aten.sym_size.int", Rule::kSize},
    {"size.add", Rule::kSize},
    {"size.floordiv", Rule::kSize},
    {"size.mul", Rule::kSize},
    {"size.sub", Rule::kSize},
});

constexpr auto kDraws = std::to_array<std::string_view>({"aten.bernoulli", "aten.cauchy", "aten.exponential", "aten.geometric", "aten.log_normal",
                                                         "aten.multinomial", "aten.normal", "aten.poisson", "aten.rand", "aten.rrelu", "aten.uniform"});

}  // namespace

const Operator* find_operator(std::string_view name) {
  const auto* found = std::find_if(kOperators.begin(), kOperators.end(), [&](const Operator& op) { return op.name == name; });
  return found == kOperators.end() ? nullptr : found;
}

const Operator& operator_of(std::string_view name, const std::string& where) {
  if (const Operator* found = find_operator(name)) return *found;
  if (std::any_of(kDraws.begin(), kDraws.end(), [name](std::string_view draw) { return name.starts_with(draw); })) {
    throw InputError(where + ": operation " + coppice::quoted(name) +
                     " draws random numbers, which ranks and resumes could not repeat; expected logits that input and weights decide");
  }
  std::vector<std::string> names;
  for (const Operator& op : kOperators) names.emplace_back(op.name);
  const std::string nearest = nearest_name(name, names);
  throw InputError(where + ": operation " + coppice::quoted(name) + " is not among those a graph may use" +
                   (nearest.empty() ? "" : " (the nearest is '" + nearest + "')"));
}

}  // namespace coppice::graph
