// An object of the engine that Python sees only while a call of its own lasts. Kept longer, it raises instead of reading memory that is gone.
#pragma once

#include <memory>
#include <stdexcept>

namespace coppice {

template <class T>
class Lease {
 public:
  explicit Lease(T& object) : object_(&object) {}
  explicit Lease(std::shared_ptr<T> owned) : owned_(std::move(owned)), object_(owned_.get()) {}

  T& get() const {
    if (object_ == nullptr) throw std::runtime_error("this object is valid only during the call that it was handed to");
    return *object_;
  }
  void end() { object_ = nullptr; }

 private:
  std::shared_ptr<T> owned_;
  T* object_;
};

// For the length of a scope.
template <class T>
class Lent {
 public:
  explicit Lent(T& object) : lease(std::make_shared<Lease<T>>(object)) {}
  ~Lent() { lease->end(); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  const std::shared_ptr<Lease<T>> lease;
};

}  // namespace coppice
