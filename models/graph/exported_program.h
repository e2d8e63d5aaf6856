// What torch.export.save wrote, as it stands: the graph in PyTorch's training dialect with its weights still in the file.
// Source: torch/_export/serde/schema.py, schema 8. Nothing pickled is opened: the sample inputs that torch adds are passed over.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/graph/archive.h"
#include "models/graph/program.h"

namespace coppice::graph {

struct StoredTensor {
  std::string entry;  // in the archive; two tensors of one entry are one tensor
  DType dtype = DType::kF32;
  std::span<const std::byte> bytes;  // row-major
  bool trainable = false;
};

struct ExportedProgram {
  Program program;                           // params, moments and constants still empty
  std::vector<std::optional<DType>> dtypes;  // of each value, where it is a tensor
  std::map<ValueId, StoredTensor> tensors;   // parameters and buffers, under the names of the state dict
};

// Throws InputError: another schema, an entry that is not torch.export's, a pickle, weights whose bytes are not their shape's, a
// graph that names what it does not have, more than one input or output.
ExportedProgram read_exported_program(const Archive& archive);

}  // namespace coppice::graph
