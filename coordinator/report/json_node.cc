#include "coordinator/report/json_node.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::size_t kLongestKey = 60;  // in messages

std::string described(const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::object:
      return "a map";
    case nlohmann::json::value_t::array:
      return "a list of " + std::to_string(value.size());
    case nlohmann::json::value_t::string:
      return "the text " + coppice::quoted(value.get_ref<const std::string&>());
    case nlohmann::json::value_t::null:
      return "null";
    default:
      return value.dump();  // a number or a boolean: short, and no recursion
  }
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& file) {
  try {
    return nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    const std::size_t byte = std::min(error.byte, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(byte), '\n');
    throw InputError(file + ": not valid JSON at line " + std::to_string(line) + ", byte " + std::to_string(byte) +
                     (byte == text.size() ? ": the file ends too early" : ""));
  } catch (const nlohmann::json::exception&) {
    throw InputError(file + ": not valid JSON: a number is too large for a double");
  }
}

JsonNode::JsonNode(const nlohmann::json& value, std::string file, std::string path)
    : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

void JsonNode::fail(const std::string& what) const {
  std::string message = file_ + ": " + (path_.empty() ? "" : path_ + ": ") + what;
  for (char& c : message) {  // keys come from the file, and an error is one line
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  throw InputError(message);
}

void JsonNode::expected(const char* what) const { fail("found " + described(*value_) + ", expected " + what); }

const nlohmann::json& JsonNode::map() const {
  if (!value_->is_object()) expected("a map");
  return *value_;
}

std::optional<JsonNode> JsonNode::find(const std::string& key) const {
  const auto found = map().find(key);
  if (found == map().end() || found->is_null()) return std::nullopt;
  return JsonNode(*found, file_, path_.empty() ? key : path_ + "." + key);
}

JsonNode JsonNode::at(const std::string& key) const {
  if (auto node = find(key)) return *node;
  fail("the key '" + key + (map().contains(key) ? "' is null" : "' is missing"));
}

std::vector<JsonNode> JsonNode::items() const {
  if (!value_->is_array()) expected("a list");
  std::vector<JsonNode> nodes;
  nodes.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i) {
    nodes.emplace_back((*value_)[i], file_, path_ + "[" + std::to_string(i) + "]");
  }
  return nodes;
}

std::vector<std::pair<std::string, JsonNode>> JsonNode::members() const {
  std::vector<std::pair<std::string, JsonNode>> nodes;
  for (const auto& entry : map().items()) {
    const std::string key = entry.key().substr(0, kLongestKey);
    nodes.emplace_back(entry.key(), JsonNode(entry.value(), file_, path_.empty() ? key : path_ + "." + key));
  }
  return nodes;
}

double JsonNode::number() const {
  if (!value_->is_number()) expected("a number");
  return value_->get<double>();
}

std::int64_t JsonNode::integer() const {
  const bool too_large = value_->is_number_unsigned() &&
                         value_->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  if (!value_->is_number_integer() || too_large) expected("a whole number below 2^63");
  return value_->get<std::int64_t>();
}

std::int64_t JsonNode::count() const {
  const std::int64_t value = integer();
  if (value < 0) expected("a whole number >= 0");
  return value;
}

std::string JsonNode::text() const {
  if (!value_->is_string()) expected("a text");
  return value_->get<std::string>();
}

bool JsonNode::is_text() const { return value_->is_string(); }

double JsonNode::number_or_nan(const std::string& key) const {
  const auto node = find(key);
  return node ? node->number() : std::numeric_limits<double>::quiet_NaN();
}

std::string JsonNode::text_or_empty(const std::string& key) const {
  const auto node = find(key);
  return node ? node->text() : "";
}

std::optional<std::int64_t> JsonNode::count_if_any(const std::string& key) const {
  const auto node = find(key);
  return node ? std::optional(node->count()) : std::nullopt;
}

}  // namespace coppice
