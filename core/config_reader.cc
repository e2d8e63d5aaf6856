#include "core/config_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/config_text.h"

namespace coppice {
namespace {

using Kind = ConfigNode::Kind;

std::string with_nearest(std::string expected, const std::string& found, const std::vector<std::string>& names) {
  const std::string nearest = nearest_name(found, names);
  return nearest.empty() ? expected : expected + " (did you mean '" + nearest + "'?)";
}

std::string one_of_names(const std::vector<std::string>& names) {
  return (names.size() == 1 ? "" : "one of: ") + joined(names, ", ");
}

template <class T>
std::optional<T> parse_whole(const ConfigNode& node) {
  if (node.kind != Kind::kScalar || !node.plain) return std::nullopt;
  const char* begin = node.text.data();
  const char* end = begin + node.text.size();
  if (begin == end) return std::nullopt;
  if (end - begin > 1 && *begin == '+' && begin[1] != '-') ++begin;
  if constexpr (std::is_integral_v<T>) {  // "010" is ten to some and eight to others
    const char* digits = *begin == '-' ? begin + 1 : begin;
    if (end - digits > 1 && *digits == '0') return std::nullopt;
  }
  T value{};
  const auto parsed = std::from_chars(begin, end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

void read_value(const ConfigNode& node, const std::string& path, std::int64_t& value, const Range& range) {
  const auto parsed = parse_whole<std::int64_t>(node);
  if (!parsed || !range.contains(static_cast<double>(*parsed))) {
    fail_at(node, path, describe(node), with_range("an integer", range));
  }
  value = *parsed;
}

void read_value(const ConfigNode& node, const std::string& path, double& value, const Range& range) {
  const auto parsed = parse_whole<double>(node);
  if (!parsed || !std::isfinite(*parsed) || !range.contains(*parsed)) {
    fail_at(node, path, describe(node), with_range("a number", range));
  }
  value = *parsed;
}

void read_value(const ConfigNode& node, const std::string& path, std::string& value) {
  if (node.kind != Kind::kScalar) fail_at(node, path, describe(node), "text");
  value = node.text;
}

std::size_t index_of(const ConfigNode& at, const std::string& path, const std::string& found,
                     const std::vector<std::string>& names) {
  const auto match = std::find(names.begin(), names.end(), found);
  if (match == names.end()) fail_at(at, path, quoted(found), with_nearest(one_of_names(names), found, names));
  return static_cast<std::size_t>(match - names.begin());
}

std::size_t read_name(const ConfigNode& node, const std::string& path, const std::vector<std::string>& names) {
  if (node.kind != Kind::kScalar) fail_at(node, path, describe(node), one_of_names(names));
  return index_of(node, path, node.text, names);
}

// The alternative of the name `found`, or the text that takes it; the variant holds it afterwards.
const Alternative& select(const ConfigNode& at, const std::string& path, const std::string& found, const std::vector<Alternative>& alternatives) {
  for (const Alternative& one : alternatives) {
    const bool is_text = one.take != nullptr;
    if (is_text ? one.take(found) : one.name == found) {
      if (!is_text) one.select();
      return one;
    }
  }
  const std::vector<std::string> names = names_of(alternatives);
  fail_at(at, path, quoted(found), with_nearest(one_of_names(names), found, names));
}

const Alternative& read_alternative(const ConfigNode& node, const std::string& path, const std::vector<Alternative>& alternatives) {
  if (node.kind != Kind::kScalar) fail_at(node, path, describe(node), one_of_names(names_of(alternatives)));
  return select(node, path, node.text, alternatives);
}

}  // namespace

FieldReader::FieldReader(const ConfigNode& map, std::string path, const Extensions* extensions, std::string owner)
    : FieldVisitor(extensions), map_(map), path_(std::move(path)), owner_(std::move(owner)) {}

void FieldReader::refuse_unknown_keys() const {
  for (const ConfigNode& child : map_.children) {
    if (std::find(known_.begin(), known_.end(), child.key) != known_.end()) continue;
    const std::string of_owner = owner_.empty() ? "" : " of '" + owner_ + "'";
    fail_at(child, join_path(path_, child.key), "an unknown key" + of_owner,
            known_.empty() ? "no keys" : with_nearest(one_of_names(known_), child.key, known_));
  }
}

const ConfigNode* FieldReader::take(const char* key) {
  known_.emplace_back(key);
  return map_.find(key);
}

void FieldReader::field(const char* key, bool& value, const char*) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  const bool is_true = node->plain && node->is_scalar("true");
  if (!is_true && !(node->plain && node->is_scalar("false"))) {
    fail_at(*node, join_path(path_, key), describe(*node), "true or false");
  }
  value = is_true;
}

void FieldReader::field(const char* key, std::int64_t& value, const char*, Range range) {
  if (const ConfigNode* node = take(key)) read_value(*node, join_path(path_, key), value, range);
}

void FieldReader::field(const char* key, double& value, const char*, Range range) {
  if (const ConfigNode* node = take(key)) read_value(*node, join_path(path_, key), value, range);
}

void FieldReader::field(const char* key, std::string& value, const char*) {
  if (const ConfigNode* node = take(key)) read_value(*node, join_path(path_, key), value);
}

template <class T, class Read>
void FieldReader::read_list(const char* key, std::vector<T>& values, const std::string& expected, const Read& read) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  const std::string path = join_path(path_, key);
  if (node->kind != Kind::kList) fail_at(*node, path, describe(*node), "a list of " + expected);
  values.assign(node->children.size(), T{});
  for (std::size_t i = 0; i < values.size(); ++i)
    read(node->children[i], join_path(path, std::to_string(i)), values[i]);
}

void FieldReader::field(const char* key, std::vector<double>& values, const char*, Range range) {
  read_list(
      key, values, with_range("numbers", range),
      [&](const ConfigNode& node, const std::string& path, double& value) { read_value(node, path, value, range); });
}

void FieldReader::field(const char* key, std::vector<std::int64_t>& values, const char*, Range range) {
  read_list(key, values, with_range("integers", range),
            [&](const ConfigNode& node, const std::string& path, std::int64_t& value) {
              read_value(node, path, value, range);
            });
}

void FieldReader::field(const char* key, std::vector<std::string>& values, const char*) {
  read_list(key, values, "texts",
            [](const ConfigNode& node, const std::string& path, std::string& value) { read_value(node, path, value); });
}

void FieldReader::choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char*) {
  if (const ConfigNode* node = take(key)) index = read_name(*node, join_path(path_, key), names);
}

void FieldReader::read_group(const ConfigNode& node, const std::string& path, const Visit& visit) {
  if (node.kind != Kind::kMap) fail_at(node, path, describe(node), "a map of settings");
  FieldReader reader(node, path, extensions());
  visit(reader);
  reader.refuse_unknown_keys();
}

void FieldReader::nested(const char* key, const Visit& visit, const char*) {
  if (const ConfigNode* node = take(key)) read_group(*node, join_path(path_, key), visit);
}

void FieldReader::optional_nested(const char* key, bool, const std::function<void(bool)>& set_present,
                                  const Visit& visit, const char*) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  const bool present = node->kind != Kind::kNull && !node->is_scalar("none");
  set_present(present);
  if (!present) return;
  const ConfigNode* kind = node->find("kind");
  if (kind != nullptr && kind->implied && kind->is_scalar("none")) {  // an override below `key: none`
    ConfigNode group = *node;
    std::erase_if(group.children, [](const ConfigNode& child) { return child.key == "kind"; });
    read_group(group, join_path(path_, key), visit);
    return;
  }
  read_group(*node, join_path(path_, key), visit);
}

void FieldReader::one_of(const char* key, std::size_t held, const std::vector<Alternative>& alternatives, const char*) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  const std::string path = join_path(path_, key);
  if (node->kind != Kind::kMap) {
    read_alternative(*node, path, alternatives);
    return;
  }
  const Alternative* chosen = &alternatives[held];
  if (const ConfigNode* kind = node->find("kind")) {
    chosen = &read_alternative(*kind, kind->implied ? path : join_path(path, "kind"), alternatives);
  } else if (!node->implied) {
    fail_at(*node, path, "no key 'kind'", "kind: " + one_of_names(names_of(alternatives)));
  }
  FieldReader reader(*node, path, extensions(), chosen->name);
  reader.take("kind");
  chosen->visit(reader);
  reader.refuse_unknown_keys();
}

void FieldReader::list_of(const char* key, std::size_t, const std::function<void(std::size_t)>& resize,
                          const std::function<std::vector<Alternative>(std::size_t)>& alternatives,
                          const std::function<std::size_t(std::size_t)>&, const char*) {
  const ConfigNode* node = take(key);
  if (node == nullptr) return;
  const std::string path = join_path(path_, key);
  if (node->kind != Kind::kList) fail_at(*node, path, describe(*node), "a list (`- name: {...}`)");
  resize(node->children.size());
  for (std::size_t i = 0; i < node->children.size(); ++i) {
    const ConfigNode& item = node->children[i];
    const std::string item_path = join_path(path, std::to_string(i));
    const std::vector<Alternative> choices = alternatives(i);
    if (item.kind == Kind::kScalar) {
      read_alternative(item, item_path, choices);
      continue;
    }
    if (item.kind != Kind::kMap || item.children.size() != 1) {
      fail_at(item, item_path,
              item.kind == Kind::kMap ? "a map of " + std::to_string(item.children.size()) + " keys" : describe(item),
              "exactly one name with its settings below it; " + one_of_names(names_of(choices)));
    }
    const ConfigNode& fields = item.children.front();
    const Alternative& chosen = select(fields, item_path, fields.key, choices);
    const std::string fields_path = join_path(item_path, fields.key);
    if (fields.kind != Kind::kMap && fields.kind != Kind::kNull) {
      fail_at(fields, fields_path, describe(fields), "a map of settings");
    }
    FieldReader reader(fields, fields_path, extensions(), chosen.name);
    chosen.visit(reader);
    reader.refuse_unknown_keys();
  }
}

}  // namespace coppice
