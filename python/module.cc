// The module that the package `coppice` wraps (python/coppice/).
#include <string>

#include "core/error.h"
#include "python/bindings.h"

NB_MODULE(_coppice, m) {
  using namespace coppice;
  m.doc() = "The engine. Use the package `coppice`.";
  const auto error = nb::exception<Error>(m, "Error", PyExc_RuntimeError);
  nb::exception<InputError>(m, "InputError", error);
  nb::exception<Stopped>(m, "Stopped", error);
  bind_states(m);
  bind_methods(m);
  bind_runs(m);
}
