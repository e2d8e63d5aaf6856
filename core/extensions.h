// What a program adds to the built-in choices of a config. `main` makes it and hands it in; nothing registers itself, and nobody else
// keeps it.
//
//   coppice::Extensions extensions;
//   extensions.add<SquaredMagnitude>("squared_magnitude");  // importance: {kind: squared_magnitude, power: 3}
//   return coppice::main(argc, argv, extensions);
//
// A choice is a copyable struct that holds its settings and derives from one of the interfaces (Importance, ClientFusion,
// GranularityFusion, MaskPattern, Stage, DataSource). Its visit() names the settings as that of a built-in config struct does, so that they
// are read, checked, printed and digested alike. Why: docs/decisions/extensions.md.
#pragma once

#include <any>
#include <map>
#include <memory>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

namespace coppice {

class FieldVisitor;

// The open member of a closed set of choices: a named one of those that the program adds. Copies as a value does.
template <class Interface>
class Custom {
 public:
  template <class T>
  Custom(std::string name, T value)
      : name_(std::move(name)),
        copy_([](const Interface& held) -> std::unique_ptr<Interface> { return std::make_unique<T>(static_cast<const T&>(held)); }),
        value_(std::make_unique<T>(std::move(value))) {}
  Custom(const Custom& other) : name_(other.name_), copy_(other.copy_), value_(copy_(*other.value_)) {}
  Custom(Custom&&) noexcept = default;
  Custom& operator=(Custom other) noexcept {
    std::swap(name_, other.name_);
    std::swap(copy_, other.copy_);
    std::swap(value_, other.value_);
    return *this;
  }
  ~Custom() = default;

  const std::string& name() const { return name_; }
  const Interface& operator*() const { return *value_; }
  const Interface* operator->() const { return value_.get(); }
  void visit(FieldVisitor& v) { value_->visit(v); }

 private:
  std::string name_;
  std::unique_ptr<Interface> (*copy_)(const Interface&);
  std::unique_ptr<Interface> value_;
};

template <class T>
inline constexpr bool kIsCustom = false;
template <class Interface>
inline constexpr bool kIsCustom<Custom<Interface>> = true;

class Extensions {
 public:
  // `prototype` is copied into every config that names it; its members are the defaults. Throws InputError where the name has other letters
  // than a-z, 0-9, _ and -, or is taken by another of its kind (of built-in ones: when a config is read).
  template <class T>
  Extensions& add(std::string name, T prototype = {}) {
    using Interface = typename T::Interface;
    std::vector<std::string> taken;
    for (const Custom<Interface>& other : of<Interface>()) taken.push_back(other.name());
    check_name(name, taken);
    kinds_[typeid(Interface)].emplace_back(Custom<Interface>(std::move(name), std::move(prototype)));
    return *this;
  }

  template <class Interface>
  std::vector<Custom<Interface>> of() const {
    std::vector<Custom<Interface>> all;
    const auto kind = kinds_.find(typeid(Interface));
    if (kind == kinds_.end()) return all;
    for (const std::any& one : kind->second) all.push_back(std::any_cast<const Custom<Interface>&>(one));
    return all;
  }

 private:
  static void check_name(const std::string& name, const std::vector<std::string>& taken);

  std::map<std::type_index, std::vector<std::any>> kinds_;  // in the order of add
};

}  // namespace coppice
