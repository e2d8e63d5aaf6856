#include "data/json_fields.h"

#include <algorithm>

namespace coppice::json_fields {

void check_keys(const Json& object, const std::string& where, const std::vector<std::string>& known) {
  if (!object.is_object()) throw InputError(where + ": found " + object.type_name() + ", expected an object");
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw InputError(where + ": " + unknown_name("key", key, known));
    }
  }
}

const Json& need(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) throw InputError(where + ": key '" + key + "' is missing");
  return *found;
}

std::string text(const Json& value, const std::string& where) {
  if (!value.is_string()) throw InputError(where + ": found " + value.type_name() + ", expected text");
  return value.get<std::string>();
}

std::string line_of_text(const Json& value, const std::string& where) {
  const std::string line = text(value, where);
  const bool control = std::any_of(line.begin(), line.end(), [](char c) { return c >= 0 && c < ' '; });
  if (line.empty() || control) throw InputError(where + ": found " + coppice::quoted(line) + ", expected a line of text");
  return line;
}

std::int64_t whole(const Json& value, const std::string& where) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits || value.get<std::int64_t>() < 0) {
    throw InputError(where + ": found " + coppice::quoted(value.dump(-1, ' ', true, Json::error_handler_t::replace)) +
                     ", expected a whole number >= 0");
  }
  return value.get<std::int64_t>();
}

double number(const Json& value, const std::string& where) {
  if (!value.is_number()) throw InputError(where + ": found " + value.type_name() + ", expected a number");
  return value.get<double>();
}

bool truth(const Json& value, const std::string& where) {
  if (!value.is_boolean()) throw InputError(where + ": found " + value.type_name() + ", expected true or false");
  return value.get<bool>();
}

Digest digest_field(const Json& value, const std::string& where) {
  try {
    return Digest::from_hex(text(value, where));
  } catch (InputError& error) {
    error.within(where);
    throw;
  }
}

SourceFile source_file(const Json& item, const std::string& where) {
  check_keys(item, where, {"file", "bytes", "blake2b"});
  SourceFile source;
  source.name = line_of_text(need(item, "file", where), where + ".file");
  if (item.contains("bytes")) source.bytes = whole(item["bytes"], where + ".bytes");
  if (item.contains("blake2b")) source.digest = digest_field(item["blake2b"], where + ".blake2b");
  return source;
}

ExampleSpec read_spec(const Json& root) {
  if (!root.is_object()) throw InputError(std::string("found ") + root.type_name() + ", expected an object");
  ExampleSpec spec;
  spec.kind = example_kind(text(need(root, "kind", "index"), "kind"));
  spec.shape = list(need(root, "shape", "index"), "shape", whole);
  const Json& target = need(root, "target", "index");
  if (!target.is_object()) throw InputError(std::string("target: found ") + target.type_name() + ", expected an object");
  spec.target = example_target(text(need(target, "kind", "target"), "target.kind"));
  spec.num_targets = whole(need(target, "count", "target"), "target.count");
  if (root.contains("vocabulary")) spec.vocabulary = whole(root["vocabulary"], "vocabulary");
  if (root.contains("pad_token")) spec.pad_token = whole(root["pad_token"], "pad_token");
  if (root.contains("mean")) spec.mean = list(root["mean"], "mean", number);
  if (root.contains("scale")) spec.scale = list(root["scale"], "scale", number);
  spec.check();
  return spec;
}

}  // namespace coppice::json_fields
