// What the parts of the Python module share.
#pragma once

#include <nanobind/nanobind.h>

namespace coppice {

namespace nb = nanobind;

void bind_states(nb::module_& m);
void bind_methods(nb::module_& m);
void bind_runs(nb::module_& m);

}  // namespace coppice
