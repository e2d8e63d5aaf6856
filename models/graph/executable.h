// Runs a Program through libtorch's dispatcher, with autograd. Operators, their schemas and constant arguments are resolved once;
// a pass puts only tensors and sizes on the stack and lets go of each after its last use. Products, convolutions and batch norms go
// through the tap.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

#include "models/graph/program.h"
#include "models/model.h"

namespace coppice::graph {

class Executable {
 public:
  // `program` must outlive it. Throws InputError where an operation's arguments are not those of its schema.
  explicit Executable(const Program& program);
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  // The output for `x`. `made`, where given, sees every tensor a node makes. Throws Error naming the node where libtorch refuses.
  at::Tensor run(const at::Tensor& x, const Weights& weights, Tap& tap, Mode mode,
                 const std::function<void(ValueId, const at::Tensor&)>& made = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coppice::graph
