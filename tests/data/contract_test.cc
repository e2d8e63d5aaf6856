// The data contract: its file, its digest, and what breaks it.
#include "data/contract.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "data/contract_check.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

Json patients() {
  return Json::parse(R"({
    "format": "coppice-contract", "version": 1, "kind": "features", "shape": [6],
    "target": {"kind": "class", "count": 2, "names": ["ill", "well"]},
    "inputs": [{"name": "age", "type": "number", "least": 0, "most": 120},
               {"name": "weight", "type": "number", "least": 1, "most": 300, "missing": true},
               {"name": "sex", "type": "category", "categories": ["f", "m", "x"]}],
    "columns": ["hospital"]})");
}

DataContract parsed(const Json& json) { return parse_contract(json.dump(), "c.json"); }

// Rows of age, weight, weight missing, f, m, x.
std::shared_ptr<const Dataset> rows(std::vector<float> values, std::vector<std::int32_t> classes,
                                    std::vector<std::string> names = {"ill", "well"}) {
  ExampleSpec spec;
  spec.shape = {6};
  spec.num_targets = static_cast<std::int64_t>(names.size());
  Annotations annotations;
  annotations.columns = {{"hospital", std::vector<std::int32_t>(classes.size(), 1), {}}};
  annotations.files = {{"p.csv", static_cast<std::int64_t>(classes.size())}};
  annotations.classes = std::move(classes);
  annotations.class_names = std::move(names);
  return make_features(spec, Rows({SharedBytes::of(std::move(values))}, 6 * sizeof(float)), std::move(annotations));
}

void check(const DataContract& contract, const Dataset& data) {
  check_kind(contract, data, "training data");
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < data.size(); ++i) all.push_back(i);
  check_examples(contract, data, all, "client 3");
  check_classes(contract, data, "training data");
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Contract, IsKeptBySoundData) {
  check(parsed(patients()), *rows({30, 70, 0, 1, 0, 0, 120, 150, 1, 0, 0, 1}, {0, 1}));
  check(parsed(patients()), *rows({30, 70, 0, 1, 0, 0}, {0}));  // a class that is absent is normal
}

TEST(Contract, NamesFileRowColumnFoundAndExpected) {
  const DataContract contract = parsed(patients());
  EXPECT_INPUT_ERROR(check(contract, *rows({30, 70, 0, 1, 0, 0, 240, 70, 0, 1, 0, 0}, {0, 1})),
                     "p.csv: row 1: column 'age' (client 3): found 240, expected 0..120");
  EXPECT_INPUT_ERROR(check(contract, *rows({kNaN, 70, 0, 1, 0, 0}, {0})), "column 'age' (client 3): found a missing value");
  EXPECT_INPUT_ERROR(check(contract, *rows({30, 70, 0.5F, 1, 0, 0}, {0})), "column 'weight'");
  EXPECT_INPUT_ERROR(check(contract, *rows({30, 70, 0, 0, 0, 0}, {0})), "column 'sex' (client 3): found a missing value, expected one of: 'f'");
  EXPECT_INPUT_ERROR(check(contract, *rows({30, 70, 0, 1, 1, 0}, {0})), "found 2 categories at once");
}

TEST(Contract, RefusesAClassThatItDoesNotHave) {
  const DataContract contract = parsed(patients());
  EXPECT_INPUT_ERROR(check(contract, *rows({30, 70, 0, 1, 0, 0, 30, 70, 0, 1, 0, 0}, {0, 2}, {"ill", "well", "dead"})),
                     "p.csv: row 1: label (client 3): found class 'dead', expected one of: 'ill', 'well'");
  EXPECT_INPUT_ERROR(check(contract, *rows({30, 70, 0, 1, 0, 0}, {0}, {"well", "ill"})), "class 0: found 'well', expected 'ill'");
  EXPECT_INPUT_ERROR(check(contract, *rows({30, 70, 0, 1, 0, 0}, {0}, {"ill", "well", "dead"})), "found 3, expected 2");
}

TEST(Contract, ComparesWhatExamplesAre) {
  Json json = patients();
  json["mean"] = {1, 1, 1, 1, 1, 1};
  json["scale"] = {1, 1, 1, 1, 1, 1};
  EXPECT_INPUT_ERROR(check(parsed(json), *rows({30, 70, 0, 1, 0, 0}, {0})), "mean: found none, expected 1");
  json = patients();
  json["columns"].push_back("ward");
  EXPECT_INPUT_ERROR(check(parsed(json), *rows({30, 70, 0, 1, 0, 0}, {0})), "found no column 'ward'");
  EXPECT_INPUT_ERROR(check(parsed(patients()), *balanced(4, 2)), "training data: found features 1, 2 classes, expected features 6");
}

TEST(Contract, FileIsReadStrictly) {
  const auto refuse = [](const std::string& pointer, const Json& value, const std::string& part) {
    Json json = patients();
    json[Json::json_pointer(pointer)] = value;
    EXPECT_INPUT_ERROR(parsed(json), part);
  };
  refuse("/clases", 1, "unknown key 'clases'");
  refuse("/version", 2, "version: expected 1");
  refuse("/inputs/0/type", "numbr", "did you mean 'number'");
  refuse("/inputs/0/least", 200, "expected least <= most");
  refuse("/inputs/0/width", 2, "inputs: found 7 features in all, expected 6");
  refuse("/inputs/1/name", "age", "'age' stands there twice");
  refuse("/inputs/2/categories", Json::array({"f", "f", "m"}), "'f' stands there twice");
  refuse("/target/names", Json::array({"ill"}), "target.names: found 1, expected 2");
  refuse("/columns", "hospital", "columns: found string, expected a list");
  EXPECT_INPUT_ERROR(parse_contract("{", "c.json"), "c.json: contract: not valid JSON");
}

TEST(Contract, ComesBackFromItsFileAndItsDigestIsOfWhatItSays) {
  const DataContract contract = parsed(patients());
  EXPECT_EQ(parse_contract(to_json(contract), "c.json").digest(), contract.digest());
  const Json again = Json::parse(to_json(contract));
  EXPECT_EQ(again, patients());
  Json noted = patients();
  noted["note"] = "agreed in May";
  EXPECT_EQ(parsed(noted).digest(), contract.digest());
  for (const auto& [pointer, value] : std::vector<std::pair<std::string, Json>>{{"/inputs/0/most", 121},
                                                                                 {"/inputs/1/missing", true},
                                                                                 {"/inputs/2/categories/2", "o"},
                                                                                 {"/target/names/1", "fine"},
                                                                                 {"/columns/0", "ward"}}) {
    Json other = patients();
    other[Json::json_pointer(pointer)] = value;
    EXPECT_EQ(parsed(other).digest() == contract.digest(), other == patients()) << pointer;
  }
}

TEST(Contract, OfDataIsKeptByThem) {
  const LoadedData data{rows({30, 70, 0, 1, 0, 0, 50, 60, 0, 0, 1, 0}, {0, 1}), rows({31, 90, 0, 1, 0, 0}, {0}), ""};
  const DataContract contract = contract_of(data);
  check(contract, *data.train);
  check(contract, *data.test);
  EXPECT_EQ(contract.inputs[1].most, 90.0);
  EXPECT_INPUT_ERROR(check(contract, *rows({29, 70, 0, 1, 0, 0}, {0})), "column 'input 0' (client 3): found 29, expected 30..50");
}

}  // namespace
}  // namespace coppice
