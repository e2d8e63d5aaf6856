// Corrupt and incomplete run folders: one line that names the file and the key, whatever is wrong.
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "coordinator/report/html_report.h"
#include "tests/coordinator/report/sample_run.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

// The error of the sample's summary with the value at `pointer` replaced by `value`; a null `value` removes the key.
std::string error_with(const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json document = nlohmann::json::parse(golden_text("sample/summary.json"));
  const nlohmann::json::json_pointer at(pointer);
  if (value.is_null())
    document.at(at.parent_pointer()).erase(at.back());
  else
    document[at] = value;
  return input_error_of([&] { parse_summary(document.dump(), "s.json"); });
}

TEST(MalformedSummary, MissingKeysAreNamed) {
  for (const char* key : {"name", "seed", "config_digest", "fingerprint", "data", "variants", "traffic",
                          "peak_memory_bytes", "threads", "ranks"}) {
    EXPECT_EQ(error_with(std::string("/") + key, nullptr), std::string("s.json: the key '") + key + "' is missing")
        << key;
  }
  EXPECT_EQ(error_with("/variants/2/flops", nullptr), "s.json: variants[2]: the key 'flops' is missing");
  EXPECT_EQ(error_with("/mask/layers/0/total", nullptr), "s.json: mask.layers[0]: the key 'total' is missing");
  EXPECT_EQ(error_with("/data/clients", nullptr), "s.json: data: the key 'clients' is missing");
}

TEST(MalformedSummary, WrongTypesAndValuesAreNamed) {
  EXPECT_EQ(error_with("/seed", "one"), "s.json: seed: found the text 'one', expected a whole number below 2^63");
  EXPECT_EQ(error_with("/seed", UINT64_MAX),
            "s.json: seed: found 18446744073709551615, expected a whole number below 2^63");
  EXPECT_EQ(error_with("/threads", -1), "s.json: threads: found -1, expected a whole number >= 0");
  EXPECT_EQ(error_with("/name", 3), "s.json: name: found 3, expected a text");
  EXPECT_EQ(error_with("/variants", nlohmann::json::array()),
            "s.json: variants: found an empty list, expected at least one variant");
  EXPECT_EQ(error_with("/variants/0/accuracy", 84.1),
            "s.json: variants[0].accuracy: found 84.100000, expected a number in [0, 1]");
  EXPECT_EQ(error_with("/variants/0/latency_ms", {{"one", 1.0}}),
            "s.json: variants[0].latency_ms.one: expected a batch size >= 1 as the key");
  EXPECT_EQ(error_with("/variants/1/name", "dense"), "s.json: variants[1].name: a second variant has this name");
  EXPECT_EQ(error_with("/variants/2/artifact", "slice"),
            "s.json: variants[2].artifact: unknown artifact 'slice' (did you mean 'sliced'?); expected one of: sliced, "
            "packed, zeros");
  EXPECT_EQ(error_with("/mask/layers/0/kept", 17), "s.json: mask.layers[0]: kept is larger than total");
  EXPECT_EQ(error_with("/confusion/3", {1, 2}), "s.json: confusion[3]: found 2 columns, expected as many as rows: 10");
  EXPECT_EQ(error_with("/fingerprint/device", nlohmann::json::object()),
            "s.json: fingerprint.device: found a map, expected a text");
}

TEST(MalformedSummary, PicturesAreChecked) {
  const std::string where = "s.json: mask.layers[6].picture";
  EXPECT_EQ(error_with("/mask/layers/6/picture/bits", "AAAA"), where + ".bits: found 3 bytes, expected 1152");
  EXPECT_EQ(error_with("/mask/layers/6/picture/bits", "#"), where + ".bits: expected base64 text");
  EXPECT_EQ(error_with("/mask/layers/6/picture/bits", nullptr), where + ": the key 'shades' is missing");
  EXPECT_EQ(error_with("/mask/layers/6/picture/rows", INT64_MAX),
            where + ": found 9223372036854775807 x 288 cells, expected 1 to 65536");
  EXPECT_EQ(error_with("/mask/layers/0/picture", "01x"),
            "s.json: mask.layers[0].picture: expected a text of 0 and 1, one character a unit");
  EXPECT_EQ(error_with("/mask/layers/0/picture", std::string(20000, '1')),
            "s.json: mask.layers[0].picture: found 20000 units, expected at most 16384");
}

TEST(MalformedSummary, BrokenTextIsOneLine) {
  const std::string text = golden_text("sample/summary.json");
  const auto error_of = [](const std::string& broken) {
    return input_error_of([&] { parse_summary(broken, "s.json"); });
  };
  EXPECT_EQ(error_of(""), "s.json: not valid JSON at line 1, byte 0: the file ends too early");
  EXPECT_NE(error_of(text.substr(0, text.size() / 2)).find("the file ends too early"), std::string::npos);
  EXPECT_EQ(error_of("{\n\"a\": tru,\n}"), "s.json: not valid JSON at line 2, byte 11");
  EXPECT_EQ(error_of("{\"a\": 1e999}"), "s.json: not valid JSON: a number is too large for a double");
  EXPECT_EQ(error_of(std::string(200000, '[')),
            "s.json: not valid JSON at line 1, byte 200000: the file ends too early");
  EXPECT_EQ(error_of("[" + std::string(50000, '[') + std::string(50000, ']') + "]"),
            "s.json: found a list of 1, expected a map");
  EXPECT_EQ(error_with("/seed", "a\nb\x1B[2J"),
            "s.json: seed: found the text 'a\\nb\\x1b[2J', expected a whole number below 2^63");
}

TEST(MalformedFolder, AMissingFileIsNamedAndNothingIsWritten) {
  for (const char* name : {"summary.json", "metrics.jsonl", "config.yaml"}) {
    TemporaryFolder folder;
    std::filesystem::copy(golden_path("sample"), folder.path(), std::filesystem::copy_options::recursive);
    std::filesystem::remove(folder.path(name));
    const std::string error = input_error_of([&] { write_html_report(folder.path()); });
    EXPECT_EQ(error.substr(0, folder.path(name).size()), folder.path(name)) << error;
    EXPECT_FALSE(std::filesystem::exists(folder.path("report.html")));
  }
}

}  // namespace
}  // namespace coppice
