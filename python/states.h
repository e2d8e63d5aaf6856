// A run's state as Python sees it.
#pragma once

#include <memory>

#include "algorithms/methods/state.h"
#include "python/leases.h"
#include "python/bindings.h"

namespace coppice {

using StateLease = std::shared_ptr<Lease<State>>;

// Immutable to Python as to C++ methods; what is to be changed is cloned first.
struct SharedModel {
  std::shared_ptr<const ModelState> state;
};

// Scores, extras: float64.
nb::object float64_tensor(std::vector<double> values);

// {tensor: bool tensor of its shape, True where kept}, of all tensors of the layout.
nb::dict kept_weights(const Mask& mask, const ArenaLayout& layout);
// The other way; tensors that are not named are wholly kept. Throws InputError on unknown names, shapes, and what cannot be dropped.
std::shared_ptr<const Mask> mask_of(const nb::dict& kept, const ModelState& values);

}  // namespace coppice
