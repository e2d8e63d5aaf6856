#include "coordinator/report/round_record.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "coordinator/report/json_node.h"

namespace coppice {
namespace {

std::map<std::string, double> figures(const JsonNode& node) {
  std::map<std::string, double> values;
  for (const auto& [key, member] : node.members()) values[key] = node.number_or_nan(key);
  return values;
}

double size_at(const JsonNode& node, const std::string& key, double most) {
  const double value = node.at(key).number();
  if (value < 0.0 || value > most)
    node.at(key).fail("found " + std::to_string(value) + ", expected a number " + (most == 1.0 ? "in [0, 1]" : ">= 0"));
  return value;
}

RoundRecord round_from(const JsonNode& node) {
  RoundRecord record;
  record.step = node.at("step").count();
  record.stage = node.at("stage").text();
  record.round = node.at("round").count();
  record.seconds = size_at(node, "seconds", HUGE_VAL);
  record.clients = node.at("clients").count();
  record.declined = node.at("declined").count();
  record.train_loss = node.number_or_nan("train_loss");
  record.train_accuracy = node.number_or_nan("train_accuracy");
  if (const auto eval = node.find("eval")) record.eval = figures(*eval);
  if (const auto eval = node.find("eval_twin")) record.eval_twin = figures(*eval);
  record.bytes_down = size_at(node, "bytes_down", HUGE_VAL);
  record.bytes_up = size_at(node, "bytes_up", HUGE_VAL);
  record.client_flops = node.number_or_nan("client_flops");
  record.client_live_bytes = node.number_or_nan("client_live_bytes");
  record.client_peak_bytes = node.number_or_nan("client_peak_bytes");
  record.coordinator_flops = node.number_or_nan("coordinator_flops");
  record.density = size_at(node, "density", 1.0);
  if (const auto sparse = node.find("sparse")) record.sparse = figures(*sparse);
  if (const auto devices = node.find("devices")) record.devices = figures(*devices);
  if (const auto levels = node.find("levels")) record.levels = figures(*levels);
  if (const auto warnings = node.find("warnings")) {
    for (const JsonNode& warning : warnings->items()) record.warnings.push_back(warning.text());
  }
  if (const auto phases = node.find("phases")) record.phases = figures(*phases);
  return record;
}

nlohmann::json number(double value) { return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr); }

nlohmann::json numbers(const std::map<std::string, double>& values) {
  nlohmann::json map = nlohmann::json::object();
  for (const auto& [key, value] : values) map[key] = number(value);
  return map;
}

}  // namespace

std::vector<RoundRecord> parse_rounds(std::string_view text, const std::string& file) {
  std::vector<RoundRecord> rounds;
  std::int64_t number_of_line = 0;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::string where = file + ":" + std::to_string(++number_of_line);
    const nlohmann::json document = parse_json(line, where);
    const JsonNode node(document, where);
    RoundRecord record = round_from(node);
    if (!rounds.empty() && record.step <= rounds.back().step) {
      node.at("step").fail("found " + std::to_string(record.step) + " after " + std::to_string(rounds.back().step) +
                           ", expected increasing steps");
    }
    rounds.push_back(std::move(record));
  }
  return rounds;
}

std::string to_json_line(const RoundRecord& record) {
  nlohmann::json json = {{"step", record.step},       {"stage", record.stage},
                         {"round", record.round},     {"seconds", number(record.seconds)},
                         {"clients", record.clients}, {"declined", record.declined}};
  if (std::isfinite(record.train_loss)) json["train_loss"] = record.train_loss;
  if (std::isfinite(record.train_accuracy)) json["train_accuracy"] = record.train_accuracy;
  if (record.eval) json["eval"] = numbers(*record.eval);
  if (record.eval_twin) json["eval_twin"] = numbers(*record.eval_twin);
  json["bytes_down"] = number(record.bytes_down);
  json["bytes_up"] = number(record.bytes_up);
  if (std::isfinite(record.client_flops)) json["client_flops"] = record.client_flops;
  if (std::isfinite(record.client_live_bytes)) json["client_live_bytes"] = record.client_live_bytes;
  if (std::isfinite(record.client_peak_bytes)) json["client_peak_bytes"] = record.client_peak_bytes;
  if (std::isfinite(record.coordinator_flops)) json["coordinator_flops"] = record.coordinator_flops;
  json["density"] = number(record.density);
  if (!record.sparse.empty()) json["sparse"] = numbers(record.sparse);
  if (!record.devices.empty()) json["devices"] = numbers(record.devices);
  if (!record.levels.empty()) json["levels"] = numbers(record.levels);
  if (!record.warnings.empty()) json["warnings"] = record.warnings;
  json["phases"] = numbers(record.phases);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace coppice
