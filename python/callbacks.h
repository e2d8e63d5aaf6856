// Calls into Python from a run, and what becomes of what they raise: the run stops where a resume goes on, and the caller of the run gets
// the exception itself, with its traceback.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "python/bindings.h"

namespace coppice {

class Callbacks {
 public:
  // `what` with the interpreter's lock. What it raises is kept and becomes Stopped.
  template <class What>
  auto call(const std::string& whose, const What& what) {
    const nb::gil_scoped_acquire gil;
    try {
      return what();
    } catch (const nb::python_error&) {
      raised_ = std::current_exception();
      throw Stopped(whose + " raised an exception");
    } catch (const nb::cast_error&) {
      raised_ = std::make_exception_ptr(nb::type_error((whose + " returned a value of another type than expected").c_str()));
      throw Stopped(whose + " returned a value of another type than expected");
    }
  }

  void rethrow() const {
    if (raised_) std::rethrow_exception(raised_);
  }

 private:
  std::exception_ptr raised_;
};

// A Python object that may be copied and dropped without the interpreter's lock.
inline std::shared_ptr<nb::object> shared_object(nb::object object) {
  return {new nb::object(std::move(object)), [](nb::object* held) {
            const nb::gil_scoped_acquire gil;
            delete held;
          }};
}

}  // namespace coppice
