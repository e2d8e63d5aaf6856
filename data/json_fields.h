// Checked reading of JSON objects whose keys are all known: index.json, contract.json, data.json. Whatever is missing, unknown or of
// the wrong type is one InputError that begins with `where`, the path of the value. For sources only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/error.h"
#include "data/dataset.h"
#include "data/shard_index.h"

namespace coppice::json_fields {

using Json = nlohmann::json;

void check_keys(const Json& object, const std::string& where, const std::vector<std::string>& known);
const Json& need(const Json& object, const char* key, const std::string& where);

std::string text(const Json& value, const std::string& where);
std::string line_of_text(const Json& value, const std::string& where);  // neither empty nor with control characters
std::int64_t whole(const Json& value, const std::string& where);        // >= 0
double number(const Json& value, const std::string& where);
bool truth(const Json& value, const std::string& where);
Digest digest_field(const Json& value, const std::string& where);  // 64 hexadecimal digits

// `read(item, where)` of every item.
template <class Read>
auto list(const Json& value, const std::string& where, Read read) {
  if (!value.is_array()) throw InputError(where + ": found " + value.type_name() + ", expected a list");
  std::vector<decltype(read(value, where))> out;
  for (const Json& item : value) out.push_back(read(item, where + "[" + std::to_string(out.size()) + "]"));
  return out;
}

SourceFile source_file(const Json& item, const std::string& where);

// The keys kind, shape, target.kind, target.count, vocabulary, pad_token, mean and scale of `root`; the spec is sound.
ExampleSpec read_spec(const Json& root);

}  // namespace coppice::json_fields
