#include "python/tensors.h"

#include <nanobind/stl/string.h>

#include <ATen/DLConvertor.h>

#include <string>

#include "core/error.h"

namespace coppice {
namespace {

constexpr const char* kFresh = "dltensor";      // DLPack's names for a capsule that owns its tensor,
constexpr const char* kTaken = "used_dltensor";  // and for one whose tensor somebody has taken over

void drop(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, kFresh)) return;
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kFresh));
  managed->deleter(managed);
}

}  // namespace

nb::object torch_tensor(const at::Tensor& tensor) {
  const nb::object capsule = nb::steal(PyCapsule_New(at::toDLPack(tensor), kFresh, drop));
  return nb::module_::import_("torch.utils.dlpack").attr("from_dlpack")(capsule);
}

at::Tensor tensor_of(nb::handle object, const char* what) {
  const nb::object torch = nb::module_::import_("torch");
  if (!nb::isinstance(object, torch.attr("Tensor")) || nb::cast<std::string>(object.attr("device").attr("type")) != "cpu") {
    throw InputError(std::string(what) + ": found " + nb::cast<std::string>(nb::repr(object.type())) + "; expected a torch.Tensor in main memory");
  }
  const nb::object capsule = torch.attr("utils").attr("dlpack").attr("to_dlpack")(object.attr("detach")());
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), kFresh));
  if (managed == nullptr) throw nb::python_error();
  PyCapsule_SetName(capsule.ptr(), kTaken);
  return at::fromDLPack(managed);
}

}  // namespace coppice
