// Tensors over the border: both sides see the same memory, and whichever lets go last frees it.
//
// DLPack is the road: it needs the symbols of libtorch_cpu alone, which the program links anyway. THPVariable_Wrap would need
// libtorch_python and its headers, which are pybind11's and change with every release.
#pragma once

#include <ATen/core/Tensor.h>

#include "python/bindings.h"

namespace coppice {

// A torch.Tensor on the memory of `tensor`. A write through one is seen through the other.
nb::object torch_tensor(const at::Tensor& tensor);

// The memory of a torch.Tensor. Throws InputError where it is none, or not in main memory; `what` names it there.
at::Tensor tensor_of(nb::handle object, const char* what);

}  // namespace coppice
