#include "coordinator/latency_table.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "algorithms/budget/descent.h"
#include "coordinator/latency.h"
#include "core/error.h"
#include "core/seed.h"
#include "core/strict_json.h"
#include "models/transform.h"

namespace coppice {
namespace {

constexpr std::int64_t kPoints = 5;
constexpr const char* kFormat = "coppice-latency";

void narrow(std::vector<std::uint8_t>& kept, const PrunableStructure& structure, const Bundle& bundle, std::int64_t width) {
  for (const std::size_t f : bundle) {
    const Family& family = structure.families[f];
    for (std::int64_t u = width; u < family.num_groups; ++u) kept[static_cast<std::size_t>(family.first_group + u)] = 0;
  }
}

}  // namespace

LatencyTable measure_latencies(const Model& model, const BudgetConfig& config, const std::vector<std::int64_t>& shape) {
  const PrunableStructure structure = model.structure();
  // The descent knows which widths are allowed; what it would count does not matter here.
  BudgetConfig countable = config;
  countable.budget = {.params = 1.0};
  const std::vector<double> equal(structure.groups.size(), 1.0);
  const Descent descent(model, structure, equal, countable);
  const ModelState whole = initial_state(model, Seed{});
  const double full_ms = measure_latency_ms(model, whole, shape, config.latency_batch);
  LatencyTable table{.batch = config.latency_batch, .threads = at::get_num_threads(), .full_ns = std::llround(1e6 * full_ms)};
  const auto time_of = [&](const std::vector<std::uint8_t>& kept, std::int64_t at_most) -> std::int64_t {
    const auto smaller = make_model(model.sliced_config(kept));
    const double ratio = measure_latency_ratio(*smaller, initial_state(*smaller, Seed{}), model, whole, shape, config.latency_batch);
    return std::min<std::int64_t>(at_most, std::llround(ratio * static_cast<double>(table.full_ns)));
  };
  const auto width_at = [&](const Bundle& bundle, std::int64_t point) {
    const std::int64_t full = descent.width(bundle);
    return descent.allowed_width(bundle, full - (full - descent.smallest_width(bundle)) * point / (kPoints - 1));
  };
  const std::vector<std::uint8_t> all(structure.groups.size(), 1);
  for (const Bundle& bundle : descent.bundles()) {
    LatencyTable::Bundle times{structure.families[bundle[0]].name, {descent.width(bundle)}, {table.full_ns}};
    for (std::int64_t point = 1; point < kPoints; ++point) {
      const std::int64_t width = width_at(bundle, point);
      if (width >= times.widths.back()) continue;
      std::vector<std::uint8_t> kept = all;
      narrow(kept, structure, bundle, width);
      times.ns.push_back(time_of(kept, times.ns.back()));
      times.widths.push_back(width);
    }
    table.bundles.push_back(std::move(times));
  }
  LatencyTable::Joint last;
  for (std::int64_t point = 1; point < kPoints; ++point) {
    std::vector<std::uint8_t> kept = all;
    LatencyTable::Joint joint;
    for (std::size_t b = 0; b < table.bundles.size(); ++b) {
      const Bundle& bundle = descent.bundles()[b];
      narrow(kept, structure, bundle, width_at(bundle, point));
      joint.apart_ns += table.saving(b, width_at(bundle, point));
    }
    if (joint.apart_ns <= last.apart_ns) continue;
    joint.together_ns = table.full_ns - time_of(kept, table.full_ns - last.together_ns);
    table.joints.push_back(last = joint);
  }
  return table;
}

std::string to_json(const LatencyTable& table) {
  nlohmann::ordered_json bundles = nlohmann::ordered_json::array();
  for (const LatencyTable::Bundle& bundle : table.bundles) {
    bundles.push_back({{"family", bundle.family}, {"widths", bundle.widths}, {"ns", bundle.ns}});
  }
  nlohmann::ordered_json joints = nlohmann::ordered_json::array();
  for (const LatencyTable::Joint& joint : table.joints) joints.push_back({{"apart_ns", joint.apart_ns}, {"together_ns", joint.together_ns}});
  const nlohmann::ordered_json all = {{"format", kFormat}, {"version", 1}, {"batch", table.batch}, {"threads", table.threads},
                                      {"full_ns", table.full_ns}, {"bundles", bundles}, {"joints", joints}};
  return all.dump(1) + "\n";
}

LatencyTable latency_table_from_json(const std::string& text, const std::string& where) {
  const nlohmann::json json = parse_strict_json(text, where);
  LatencyTable table;
  try {
    if (json.at("format") != kFormat || json.at("version") != 1) throw InputError(where + ": expected a table of latencies, version 1");
    json.at("batch").get_to(table.batch);
    json.at("threads").get_to(table.threads);
    json.at("full_ns").get_to(table.full_ns);
    for (const nlohmann::json& item : json.at("bundles")) {
      table.bundles.push_back({item.at("family"), item.at("widths"), item.at("ns")});
    }
    for (const nlohmann::json& item : json.at("joints")) table.joints.push_back({item.at("apart_ns"), item.at("together_ns")});
  } catch (const nlohmann::json::exception&) {
    throw InputError(where + ": expected batch, threads, full_ns, bundles of family, widths and ns, and joints of apart_ns and together_ns, as a run writes latency.json");
  }
  for (const LatencyTable::Bundle& bundle : table.bundles) {
    const bool falls = std::adjacent_find(bundle.widths.begin(), bundle.widths.end(), std::less_equal<>()) == bundle.widths.end() &&
                       std::adjacent_find(bundle.ns.begin(), bundle.ns.end(), std::less<>()) == bundle.ns.end();
    if (bundle.widths.empty() || bundle.widths.size() != bundle.ns.size() || !falls || bundle.widths.back() < 1 || bundle.ns.back() < 0) {
      throw InputError(where + ": " + coppice::quoted(bundle.family) + ": expected falling widths, and a time of each that does not rise");
    }
  }
  LatencyTable::Joint last;
  for (const LatencyTable::Joint& joint : table.joints) {
    if (joint.apart_ns <= last.apart_ns || joint.together_ns < last.together_ns || joint.together_ns > table.full_ns) {
      throw InputError(where + ": joints: expected rising savings, at most full_ns");
    }
    last = joint;
  }
  return table;
}

}  // namespace coppice
