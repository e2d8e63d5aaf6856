#include "data/contract.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/strict_json.h"
#include "data/json_fields.h"

namespace coppice {
namespace {

using namespace json_fields;

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 28;
constexpr const char* kFormat = "coppice-contract";

using Target = ExampleSpec::Target;
using Kind = ExampleSpec::Kind;

void check_distinct(const std::vector<std::string>& names, const std::string& where) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) throw InputError(where + ": " + coppice::quoted(name) + " stands there twice");
  }
}

void check_range(double least, double most, const std::string& where) {
  if (std::isfinite(least) && std::isfinite(most) && least <= most) return;
  throw InputError(where + ": found least " + std::to_string(least) + " and most " + std::to_string(most) + ", expected least <= most");
}

ContractInput input(const Json& item, const std::string& where) {
  check_keys(item, where, {"name", "type", "categories", "width", "least", "most", "missing"});
  ContractInput out;
  out.name = line_of_text(need(item, "name", where), where + ".name");
  if (item.contains("missing")) out.missing = truth(item["missing"], where + ".missing");
  const std::string type = text(need(item, "type", where), where + ".type");
  if (type == "category") {
    out.categories = list(need(item, "categories", where), where + ".categories", line_of_text);
    if (out.categories.empty()) throw InputError(where + ".categories: found none, expected at least one");
    check_distinct(out.categories, where + ".categories");
    return out;
  }
  if (type != "number") throw InputError(where + ".type: " + unknown_name("type", type, {"number", "category"}));
  if (item.contains("width")) out.width = whole(item["width"], where + ".width");
  out.least = number(need(item, "least", where), where + ".least");
  out.most = number(need(item, "most", where), where + ".most");
  check_range(out.least, out.most, where);
  return out;
}

void read_tokenizer(const Json& item, DataContract& contract) {
  const std::string where = "tokenizer";
  check_keys(item, where, {"kind", "characters", "blake2b"});
  contract.tokenizer = text(need(item, "kind", where), where + ".kind");
  if (contract.tokenizer == "characters") contract.characters = text(need(item, "characters", where), where + ".characters");
  if (contract.tokenizer == "file") contract.tokenizer_file = digest_field(need(item, "blake2b", where), where + ".blake2b");
  const std::vector<std::string> kinds{"bytes", "characters", "file"};
  if (std::find(kinds.begin(), kinds.end(), contract.tokenizer) == kinds.end()) {
    throw InputError(where + ".kind: " + unknown_name("tokenizer", contract.tokenizer, kinds));
  }
}

void read_target(const Json& target, DataContract& contract) {
  check_keys(target, "target", {"kind", "count", "names", "least", "most"});
  const auto count = static_cast<std::size_t>(contract.spec.num_targets);
  const auto check_count = [count](std::size_t found, const char* what) {
    if (found == count) return;
    throw InputError(std::string("target.") + what + ": found " + std::to_string(found) + ", expected " + std::to_string(count));
  };
  if (target.contains("names")) {
    contract.target_names = list(target["names"], "target.names", text);
    check_count(contract.target_names.size(), "names");
    check_distinct(contract.target_names, "target.names");
  }
  if (!target.contains("least") && !target.contains("most")) return;
  if (contract.spec.target != Target::kRegression) throw InputError("target.least: ranges are for regression");
  contract.target_least = list(need(target, "least", "target"), "target.least", number);
  contract.target_most = list(need(target, "most", "target"), "target.most", number);
  check_count(contract.target_least.size(), "least");
  check_count(contract.target_most.size(), "most");
  for (std::size_t i = 0; i < count; ++i) check_range(contract.target_least[i], contract.target_most[i], "target");
}

void check_inputs(const DataContract& contract) {
  if (contract.spec.kind != Kind::kFeatures) throw InputError(std::string("inputs: are for features, not for ") + name_of(contract.spec.kind));
  std::vector<std::string> names;
  std::int64_t features = 0;
  for (const ContractInput& in : contract.inputs) {
    names.push_back(in.name);
    if (in.width < 1 || in.width > contract.spec.shape[0]) {
      throw InputError("inputs: " + coppice::quoted(in.name) + ": found width " + std::to_string(in.width) + ", expected 1.." +
                       std::to_string(contract.spec.shape[0]));
    }
    features += in.features();
  }
  check_distinct(names, "inputs");
  if (features == contract.spec.shape[0]) return;
  throw InputError("inputs: found " + std::to_string(features) + " features in all, expected " + std::to_string(contract.spec.shape[0]) +
                   " from the shape");
}

DataContract read(const Json& root) {
  check_keys(root, "contract", {"format", "version", "kind", "shape", "vocabulary", "pad_token", "mean", "scale", "target", "inputs",
                                "columns", "words", "tokenizer", "note"});
  if (text(need(root, "format", "contract"), "format") != kFormat) throw InputError(std::string("format: expected '") + kFormat + "'");
  if (whole(need(root, "version", "contract"), "version") != 1) throw InputError("version: expected 1");
  DataContract contract;
  contract.spec = read_spec(root);
  read_target(root["target"], contract);
  if (root.contains("inputs")) {
    contract.inputs = list(root["inputs"], "inputs", input);
    check_inputs(contract);
  }
  if (root.contains("columns")) contract.columns = list(root["columns"], "columns", line_of_text);
  check_distinct(contract.columns, "columns");
  if (root.contains("words")) contract.words = list(root["words"], "words", text);
  if (!contract.words.empty() && static_cast<std::int64_t>(contract.words.size()) != contract.spec.shape[0]) {
    throw InputError("words: found " + std::to_string(contract.words.size()) + ", expected " + std::to_string(contract.spec.shape[0]));
  }
  if (root.contains("tokenizer")) read_tokenizer(root["tokenizer"], contract);
  if (root.contains("note")) contract.note = text(root["note"], "note");
  return contract;
}

void add(Hasher& hasher, std::string_view text) { hasher.add_value(text.size()).add(text); }
void add(Hasher& hasher, const std::vector<std::string>& list) {
  hasher.add_value(list.size());
  for (const std::string& item : list) add(hasher, item);
}
template <class T>
void add(Hasher& hasher, const std::vector<T>& list) {
  hasher.add_value(list.size()).add(std::as_bytes(std::span(list)));
}

}  // namespace

std::int64_t ContractInput::features() const {
  return categories.empty() ? width + (missing ? 1 : 0) : static_cast<std::int64_t>(categories.size());
}

Digest DataContract::digest() const {
  Hasher hasher;
  hasher.add(kFormat).add_value(spec.kind).add_value(spec.target).add_value(spec.num_targets).add_value(spec.vocabulary);
  hasher.add_value(spec.pad_token);
  add(hasher, spec.shape);
  for (const auto* list : {&spec.mean, &spec.scale, &target_least, &target_most}) add(hasher, *list);
  for (const auto* list : {&target_names, &columns, &words}) add(hasher, *list);
  for (const ContractInput& in : inputs) {
    add(hasher, in.name);
    add(hasher, in.categories);
    add(hasher, std::vector<double>{in.least, in.most});
    hasher.add_value(in.width).add_value(static_cast<std::uint8_t>(in.missing));
  }
  add(hasher, tokenizer);
  add(hasher, characters);
  return hasher.add_value(tokenizer_file.bytes).finish();
}

DataContract parse_contract(std::string_view json, const std::string& file) {
  try {
    return read(parse_strict_json(json, "contract"));
  } catch (InputError& error) {
    error.within(file);
    throw;
  }
}

DataContract read_contract(const std::string& file) { return parse_contract(read_text_file(file, kMostBytes), file); }

std::string to_json(const DataContract& contract) {
  nlohmann::ordered_json out{{"format", kFormat}, {"version", 1}, {"kind", name_of(contract.spec.kind)}, {"shape", contract.spec.shape}};
  if (contract.spec.kind == Kind::kTokens) {
    out["vocabulary"] = contract.spec.vocabulary;
    out["pad_token"] = contract.spec.pad_token;
  }
  if (!contract.spec.mean.empty()) out["mean"] = contract.spec.mean;
  if (!contract.spec.scale.empty()) out["scale"] = contract.spec.scale;
  auto& target = out["target"] = {{"kind", name_of(contract.spec.target)}, {"count", contract.spec.num_targets}};
  if (!contract.target_names.empty()) target["names"] = contract.target_names;
  if (!contract.target_least.empty()) target["least"] = contract.target_least;
  if (!contract.target_most.empty()) target["most"] = contract.target_most;
  for (const ContractInput& in : contract.inputs) {
    nlohmann::ordered_json item{{"name", in.name}, {"type", in.categories.empty() ? "number" : "category"}};
    if (!in.categories.empty()) item["categories"] = in.categories;
    if (in.categories.empty() && in.width != 1) item["width"] = in.width;
    if (in.categories.empty()) item.update({{"least", in.least}, {"most", in.most}});
    if (in.missing) item["missing"] = true;
    out["inputs"].push_back(std::move(item));
  }
  out["columns"] = contract.columns;
  if (!contract.words.empty()) out["words"] = contract.words;
  if (!contract.tokenizer.empty()) {
    out["tokenizer"]["kind"] = contract.tokenizer;
    if (contract.tokenizer == "characters") out["tokenizer"]["characters"] = contract.characters;
    if (contract.tokenizer == "file") out["tokenizer"]["blake2b"] = contract.tokenizer_file.hex();
  }
  if (!contract.note.empty()) out["note"] = contract.note;
  return out.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

DataContract contract_of(const LoadedData& data) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  DataContract contract;
  contract.spec = data.train->spec();
  contract.target_names = data.train->class_names();
  contract.columns = data.train->column_names();
  const auto outputs = contract.spec.target == Target::kRegression ? static_cast<std::size_t>(contract.spec.num_targets) : 0;
  contract.target_least.assign(outputs, kInfinity);
  contract.target_most.assign(outputs, -kInfinity);
  if (contract.spec.kind == Kind::kFeatures) {
    for (std::int64_t f = 0; f < contract.spec.shape[0]; ++f) {
      const auto at = static_cast<std::size_t>(f);
      const std::string name = at < data.input_names.size() ? data.input_names[at] : "input " + std::to_string(f);
      contract.inputs.push_back({.name = name, .least = kInfinity, .most = -kInfinity});
    }
  }
  std::vector<float> row(outputs);
  for (const auto& split : {data.train, data.test}) {
    for (std::int64_t i = 0; i < split->size() && (outputs > 0 || !contract.inputs.empty()); ++i) {
      if (!contract.inputs.empty()) {
        const auto* values = reinterpret_cast<const float*>(split->stored_input(i).values.data());
        for (std::size_t f = 0; f < contract.inputs.size(); ++f) {
          contract.inputs[f].least = std::min(contract.inputs[f].least, static_cast<double>(values[f]));
          contract.inputs[f].most = std::max(contract.inputs[f].most, static_cast<double>(values[f]));
        }
      }
      if (outputs > 0) split->read_targets(std::span(&i, 1), row.data());
      for (std::size_t k = 0; k < outputs; ++k) {
        contract.target_least[k] = std::min(contract.target_least[k], static_cast<double>(row[k]));
        contract.target_most[k] = std::max(contract.target_most[k], static_cast<double>(row[k]));
      }
    }
  }
  return contract;
}

}  // namespace coppice
