#include "python/object_tree.h"

#include <nanobind/stl/string.h>

#include <charconv>
#include <memory>
#include <optional>

namespace coppice {
namespace {

using Kind = ConfigNode::Kind;
using Source = std::shared_ptr<const std::string>;

std::string text_of(nb::handle object) { return nb::cast<std::string>(nb::str(object)); }

ConfigNode node_of(nb::handle object, const Source& source, const std::string& path);

ConfigNode map_of(const nb::dict& dict, ConfigNode node, const std::string& path) {
  node.kind = Kind::kMap;
  for (const auto [key, value] : dict) {
    if (!nb::isinstance<nb::str>(key)) fail_at(node, path, "the key " + text_of(key), "text as the key");
    const std::string name = text_of(key);
    node.children.push_back(node_of(value, node.source, join_path(path, name)));
    node.children.back().key = name;
  }
  return node;
}

ConfigNode node_of(nb::handle object, const Source& source, const std::string& path) {
  ConfigNode node;
  node.source = source;
  if (object.is_none()) return node;
  if (nb::isinstance<nb::dict>(object)) return map_of(nb::borrow<nb::dict>(object), std::move(node), path);
  if (nb::isinstance<nb::list>(object) || nb::isinstance<nb::tuple>(object)) {
    node.kind = Kind::kList;
    for (const nb::handle item : object) {
      node.children.push_back(node_of(item, source, join_path(path, std::to_string(node.children.size()))));
    }
    return node;
  }
  node.kind = Kind::kScalar;
  const bool number = nb::isinstance<nb::int_>(object) || nb::isinstance<nb::float_>(object);
  if (nb::isinstance<nb::bool_>(object)) {
    node.text = nb::cast<bool>(object) ? "true" : "false";
  } else if (nb::isinstance<nb::str>(object) || number) {
    node.plain = number;
    node.text = text_of(object);
  } else if (nb::hasattr(object, "__fspath__")) {
    node.plain = false;
    node.text = text_of(object.attr("__fspath__")());
  } else {
    fail_at(node, path, "a value of the type " + text_of(object.type().attr("__name__")), "a dict, a list, text, a number or None");
  }
  return node;
}

template <class T>
std::optional<T> whole(const std::string& text) {
  T value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

ConfigNode tree_of(nb::handle object, const std::string& source) {
  return node_of(object, std::make_shared<const std::string>(source), "");
}

nb::object object_of(const ConfigNode& node) {
  if (node.kind == Kind::kNull) return nb::none();
  if (node.kind == Kind::kMap) {
    nb::dict dict;
    for (const ConfigNode& child : node.children) dict[child.key.c_str()] = object_of(child);
    return dict;
  }
  if (node.kind == Kind::kList) {
    nb::list list;
    for (const ConfigNode& child : node.children) list.append(object_of(child));
    return list;
  }
  if (node.plain) {
    if (node.text == "true" || node.text == "false") return nb::bool_(node.text == "true");
    if (const auto integer = whole<std::int64_t>(node.text)) return nb::int_(*integer);
    if (const auto number = whole<double>(node.text)) return nb::float_(*number);
  }
  return nb::str(node.text.c_str(), node.text.size());
}

}  // namespace coppice
