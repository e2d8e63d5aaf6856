// The operations a graph may consist of, and what each does to the units of its operands. Anything else is refused by name:
// nothing that draws random numbers, reads or writes files, or runs code of another's making.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::graph {

// How dims of operands and results belong together. kBarrier: it runs, but no unit is cut through it.
enum class Rule : std::uint8_t {
  kBarrier,
  kElementwise,  // broadcast, all tensor arguments alike
  kLinear,
  kConvolution,
  kTransposedConvolution,
  kBatchNorm,
  kLastDims,  // a norm over the last dims: they stay whole
  kReshape,
  kUnsqueeze,
  kSqueeze,
  kPermute,
  kExpand,
  kRepeatInterleave,
  kConcat,
  kSplit,
  kSlice,
  kSelect,
  kPad,
  kPool,  // over what stands behind the channels
  kReduce,
  kAlongDim,  // softmax: one dim stays whole
  kEmbedding,
  kMatmul,
  kAttention,
  kSource,  // makes a tensor from sizes
  kSize,    // makes a size
};

struct Operator {
  std::string_view name;  // "aten.relu.default"
  Rule rule = Rule::kBarrier;
};

// nullptr where it is not on the list.
const Operator* find_operator(std::string_view name);
// Throws InputError naming the operation, `where` and the nearest one on the list.
const Operator& operator_of(std::string_view name, const std::string& where);

}  // namespace coppice::graph
