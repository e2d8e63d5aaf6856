// One field visitor for every config struct: it feeds YAML in, YAML out, `coppice check`, and docs/config.md.
//
//   struct DirichletConfig {
//     static constexpr const char* kName = "dirichlet";
//     double alpha = 0.5;
//     void visit(FieldVisitor& v) {
//       v.field("alpha", alpha, "concentration; smaller = more skew", above(0.0));
//     }
//   };
//   using PartitionConfig = std::variant<IidConfig, DirichletConfig>;   // "kind: dirichlet"
//   v.variant("partition", partition, "how samples are dealt to clients");
//
// In YAML a variant is a map whose key `kind` names the alternative (`kName`), the other keys being its fields; a bare
// scalar is short for `{kind: scalar}`. Every error names the file, the key path, what was found and what was expected.
// A variant with a Custom<Interface> among its members is open: what the program adds (core/extensions.h) can be named in it, too. One
// with a member that is a text (`take`, `text`, `forms`) takes any scalar that the text's grammar has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/extensions.h"

namespace coppice {

// The values a number may take. `describe` is what the person reads ("> 0", "in [0, 1]").
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool open_least = false;
  bool open_most = false;

  bool contains(double value) const;
  std::string describe() const;  // "" where everything is allowed
};
constexpr Range any_value() { return {}; }
constexpr Range at_least(double least) { return {.least = least}; }
constexpr Range above(double least) { return {.least = least, .open_least = true}; }
constexpr Range within(double least, double most) { return {.least = least, .most = most}; }
// [least, most)
constexpr Range from_below(double least, double most) { return {.least = least, .most = most, .open_most = true}; }
// (least, most]
constexpr Range above_to(double least, double most) { return {.least = least, .most = most, .open_least = true}; }

class FieldVisitor;

// What the visitor needs to know of one alternative of a variant, free of templates.
struct Alternative {
  std::string name;
  std::function<void()> select;              // makes the variant hold this alternative, default-constructed
  std::function<void(FieldVisitor&)> visit;  // visits its fields; valid after select()
  // Of a text: makes the variant hold what it says, false where the grammar has no such; what it says; how it may look.
  std::function<bool(const std::string&)> take = {};
  std::function<std::string()> text = {};
  std::vector<std::string> forms = {};
};

// The name of what a variant holds, as `kind` has it.
template <class... Ts>
std::string kind_of(const std::variant<Ts...>& value) {
  return std::visit(
      []<class T>(const T& held) -> std::string {
        if constexpr (kIsCustom<T>) return held.name();
        else return T::kName;
      },
      value);
}

class FieldVisitor {
 public:
  // `extensions`: what open variants may hold besides the built-in choices; outlives the visitor. Null: nothing.
  explicit FieldVisitor(const Extensions* extensions = nullptr) : extensions_(extensions) {}
  virtual ~FieldVisitor() = default;

  virtual void field(const char* key, bool& value, const char* help) = 0;
  virtual void field(const char* key, std::int64_t& value, const char* help, Range range = {}) = 0;
  virtual void field(const char* key, double& value, const char* help, Range range = {}) = 0;
  virtual void field(const char* key, std::string& value, const char* help) = 0;
  virtual void field(const char* key, std::vector<double>& value, const char* help, Range range = {}) = 0;
  virtual void field(const char* key, std::vector<std::int64_t>& value, const char* help, Range range = {}) = 0;
  virtual void field(const char* key, std::vector<std::string>& value, const char* help) = 0;

  // A name from a closed set; `index` is its position in `names`.
  virtual void choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char* help) = 0;

  template <class Enum>
  requires std::is_enum_v<Enum>
  void choice(const char* key, Enum& value, const std::vector<std::string>& names, const char* help) {
    auto index = static_cast<std::size_t>(value);
    choice(key, index, names, help);
    value = static_cast<Enum>(index);
  }

  // A nested struct with its own visit().
  template <class Struct>
  void group(const char* key, Struct& value, const char* help) {
    nested(
        key, [&value](FieldVisitor& v) { value.visit(v); }, help);
  }

  // A nested struct that may be absent: `key: none` makes it so, without the key it stays as it was.
  template <class Struct>
  void group(const char* key, std::optional<Struct>& value, const char* help) {
    const auto set_present = [&value](bool present) {
      if (!present) {
        value.reset();
      } else if (!value) {
        value.emplace();
      }
    };
    optional_nested(
        key, value.has_value(), set_present, [&value](FieldVisitor& v) { value->visit(v); }, help);
  }

  template <class... Ts>
  void variant(const char* key, std::variant<Ts...>& value, const char* help) {
    const std::vector<Alternative> alternatives = alternatives_of(value);
    one_of(key, position(kind_of(value), alternatives), alternatives, help);
  }

  // A list of variants, each item a map with exactly one key: the alternative's name (`- score: {...}`).
  template <class... Ts>
  void list(const char* key, std::vector<std::variant<Ts...>>& values, const char* help) {
    list_of(
        key, values.size(), [&values](std::size_t count) { values.resize(count); },
        [this, &values](std::size_t i) { return alternatives_of(values[i]); },
        [this, &values](std::size_t i) { return position(kind_of(values[i]), alternatives_of(values[i])); }, help);
  }

 protected:
  using Visit = std::function<void(FieldVisitor&)>;
  virtual void nested(const char* key, const Visit& visit, const char* help) = 0;
  virtual void optional_nested(const char* key, bool present, const std::function<void(bool)>& set_present,
                               const Visit& visit, const char* help) = 0;
  virtual void one_of(const char* key, std::size_t held, const std::vector<Alternative>& alternatives,
                      const char* help) = 0;
  virtual void list_of(const char* key, std::size_t count, const std::function<void(std::size_t)>& resize,
                       const std::function<std::vector<Alternative>(std::size_t)>& alternatives,
                       const std::function<std::size_t(std::size_t)>& held, const char* help) = 0;

  const Extensions* extensions() const { return extensions_; }

 private:
  static std::size_t position(const std::string& name, const std::vector<Alternative>& alternatives);
  // Throws InputError where a built-in choice has the name.
  static void add_custom(std::vector<Alternative>& all, Alternative custom);

  template <class... Ts>
  std::vector<Alternative> alternatives_of(std::variant<Ts...>& value) const {
    std::vector<Alternative> all;
    (append<Ts>(value, all), ...);
    return all;
  }

  template <class T, class Variant>
  void append(Variant& value, std::vector<Alternative>& all) const {
    const auto visit = [&value](FieldVisitor& v) { std::get<T>(value).visit(v); };
    if constexpr (kIsCustom<T>) {
      append_customs(value, std::get_if<T>(&value), visit, all);
    } else {
      Alternative one{T::kName, [&value] { value.template emplace<T>(); }, visit};
      if constexpr (requires(const T& of_text) { of_text.text(); }) {
        one.take = [&value](const std::string& text) { return value.template emplace<T>().take(text); };
        one.text = [&value] { return std::get<T>(value).text(); };
        one.forms = T::forms();
      }
      all.push_back(std::move(one));
    }
  }

  // What the program adds, and what is held without being among it: a config is written without the program's extensions at hand.
  template <class Variant, class Interface, class Visit>
  void append_customs(Variant& value, const Custom<Interface>* held, const Visit& visit, std::vector<Alternative>& all) const {
    std::vector<Custom<Interface>> added;
    if (extensions_ != nullptr) added = extensions_->of<Interface>();
    const auto is_held = [held](const Custom<Interface>& one) { return one.name() == held->name(); };
    if (held != nullptr && std::none_of(added.begin(), added.end(), is_held)) added.push_back(*held);
    for (const Custom<Interface>& one : added) add_custom(all, {one.name(), [&value, one] { value = one; }, visit});
  }

  const Extensions* extensions_;
};

}  // namespace coppice
