// Checked reading of JSON that came from a file: every wrong type or missing key becomes one InputError line that names
// the file and the key path, as in "runs/a/summary.json: variants[0].accuracy: found the text 'x', expected a number".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace coppice {

// Throws InputError "<file>: not valid JSON at line L, byte B". `file` may carry a line already ("metrics.jsonl:12").
nlohmann::json parse_json(std::string_view text, const std::string& file);

// A view of one value and where it stands; the document must outlive it.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string file, std::string path = "");

  JsonNode at(const std::string& key) const;                      // throws where absent or null
  std::optional<JsonNode> find(const std::string& key) const;     // nullopt where absent or null
  std::vector<JsonNode> items() const;                            // of a list
  std::vector<std::pair<std::string, JsonNode>> members() const;  // of a map, in key order

  double number() const;  // finite
  std::int64_t integer() const;
  std::int64_t count() const;  // an integer >= 0
  std::string text() const;
  bool is_text() const;

  // For a key that may be absent or null: NaN, "" or nullopt then.
  double number_or_nan(const std::string& key) const;
  std::string text_or_empty(const std::string& key) const;
  std::optional<std::int64_t> count_if_any(const std::string& key) const;

  [[noreturn]] void fail(const std::string& what) const;  // "<file>: <path>: <what>"

 private:
  [[noreturn]] void expected(const char* what) const;
  const nlohmann::json& map() const;

  const nlohmann::json* value_;
  std::string file_;
  std::string path_;
};

}  // namespace coppice
