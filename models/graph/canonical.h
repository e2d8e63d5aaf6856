// From PyTorch's dialect to a Program: one way to say each thing, so that what runs, looks through and cuts a graph need know
// no other.
//  - writing into a value becomes making a new one; copies, casts to the same dtype and full slices disappear
//  - view becomes reshape; split and chunk become split_with_sizes; addmm, mm and matmul with a parameter become linear, with the
//    parameter stored [outputs, inputs]
//  - dropout is the identity, in training too: what trains here has no random state of its own
//  - a batch norm always has a scale and a shift; the counter that PyTorch keeps beside it goes
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "models/graph/exported_program.h"

namespace coppice::graph {

// The float32 values of one parameter or running statistic, where they lie in the file.
struct StoredValues {
  std::span<const std::byte> bytes;
  bool transposed = false;  // stored [inputs, outputs]
};

struct ImportedProgram {
  Program program;
  std::map<std::string, StoredValues> values;  // of params and moments, by name
  int dropouts = 0;                            // that became the identity
};

// Throws InputError naming operation and place where something cannot be said: an operation that is not on the list, one that
// writes into a view or a parameter, parameters that are not float32, constants beyond 1 MiB.
ImportedProgram canonical(ExportedProgram exported, const std::string& where);

}  // namespace coppice::graph
