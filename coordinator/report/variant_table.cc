#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/report/closing_table.h"
#include "coordinator/report/figures.h"

namespace coppice {
namespace {

struct Cell {
  std::string text;
  double value = kNoFigure;
};

struct Column {
  std::string name;
  bool has_share = false;
  std::vector<Cell> cells;  // one a variant
};

template <class Make>
Column column(const RunSummary& summary, const std::string& name, bool has_share, Make make) {
  Column made{.name = name, .has_share = has_share, .cells = {}};
  for (const VariantFigures& variant : summary.variants) made.cells.push_back(make(variant));
  return made;
}

Cell count_cell(std::int64_t value, std::string (*show)(double)) {
  return {show(static_cast<double>(value)), static_cast<double>(value)};
}

std::vector<Column> all_columns(const RunSummary& summary) {
  std::set<std::string> metrics;
  std::set<std::int64_t> batches;
  for (const VariantFigures& variant : summary.variants) {
    for (const auto& [key, value] : variant.metrics) metrics.insert(key);
    for (const auto& [batch, value] : variant.latency_ms) batches.insert(batch);
  }
  using Variant = const VariantFigures&;
  std::vector<Column> columns;
  columns.push_back(column(summary, "accuracy", false, [](Variant v) {
    return Cell{show_percent(v.accuracy, 2), v.accuracy};
  }));
  columns.push_back(column(summary, "loss", false, [](Variant v) { return Cell{show_fixed(v.loss, 4), v.loss}; }));
  for (const std::string& key : metrics) {
    columns.push_back(column(summary, key, false, [&](Variant v) {
      const auto found = v.metrics.find(key);
      return found == v.metrics.end() ? Cell{"-"} : Cell{show_significant(found->second, 4), found->second};
    }));
  }
  columns.push_back(
      column(summary, "parameters", true, [](Variant v) { return count_cell(v.parameters, show_count); }));
  columns.push_back(column(summary, "FLOPs", true, [](Variant v) { return count_cell(v.flops, show_short_count); }));
  columns.push_back(column(summary, "file", true,
                           [](Variant v) { return v.file_bytes ? count_cell(*v.file_bytes, show_bytes) : Cell{"-"}; }));
  for (const std::int64_t batch : batches) {
    columns.push_back(column(summary, "ms, batch " + std::to_string(batch), true, [&](Variant v) {
      const auto found = v.latency_ms.find(batch);
      return found == v.latency_ms.end() ? Cell{"-"} : Cell{show_significant(found->second, 3), found->second};
    }));
  }
  std::erase_if(columns, [](const Column& one) {
    for (const Cell& cell : one.cells) {
      if (std::isfinite(cell.value)) return false;
    }
    return true;
  });
  return columns;
}

void add_device_lines(const DeviceFigures& devices, std::vector<LabelledFigure>& lines) {
  lines.push_back({"virtual time, by device profiles", show_seconds(devices.seconds)});
  lines.push_back({"energy of all clients, by device profiles", show_significant(devices.joules, 3) + " J"});
  for (const auto& [accuracy, seconds] : devices.time_to_accuracy) {
    lines.push_back({"virtual time to accuracy " + accuracy, show_seconds(seconds)});
  }
  for (const DeviceFigures::Profile& profile : devices.profiles) {
    const auto count = [](std::int64_t value) { return show_count(static_cast<double>(value)); };
    lines.push_back({profile.name + ", " + count(profile.clients) + " clients",
                     "took part " + count(profile.took_part) + " times, too small " + count(profile.too_small) + ", not reached " +
                         count(profile.unreachable)});
  }
}

}  // namespace

VariantTable variant_table(const RunSummary& summary) {
  const VariantFigures* result = &result_of(summary);
  const VariantFigures* reference = reference_of(summary);
  const std::vector<Column> columns = all_columns(summary);
  VariantTable table;
  table.columns.push_back("model");
  for (const Column& one : columns) table.columns.push_back(one.name);
  // Keys of metrics are written as words, so that a heading can break.
  for (std::string& name : table.columns) std::replace(name.begin(), name.end(), '_', ' ');
  table.columns.push_back("artifact");
  for (std::size_t v = 0; v < summary.variants.size(); ++v) {
    const VariantFigures& variant = summary.variants[v];
    if (&variant == result) table.result_row = static_cast<int>(v);
    table.rows.push_back({variant.name});
    table.shares.push_back({""});
    for (const Column& one : columns) {
      table.rows.back().push_back(one.cells[v].text);
      const double whole = reference == nullptr
                               ? kNoFigure
                               : one.cells[static_cast<std::size_t>(reference - summary.variants.data())].value;
      const bool shown = one.has_share && reference != &variant && whole > 0.0 && std::isfinite(one.cells[v].value);
      const std::string share = shown ? show_percent(one.cells[v].value / whole) : "";
      table.shares.back().push_back(share == "100.0 %" ? "" : share);
    }
    table.rows.back().push_back(variant.artifact.empty() ? "-" : variant.artifact);
    table.shares.back().push_back("");
  }
  return table;
}

std::vector<LabelledFigure> cost_lines(const RunSummary& summary) {
  const TrafficFigures& traffic = summary.traffic;
  const auto against_dense = [&](double bytes) {
    const bool known = traffic.dense_bytes_per_client > 0.0 && std::isfinite(bytes);
    return show_bytes(bytes) +
           (known ? " (" + show_percent(bytes / traffic.dense_bytes_per_client) + " of dense)" : "");
  };
  std::vector<LabelledFigure> lines = {{"down, a client and round", against_dense(traffic.bytes_down_per_client)},
                                       {"up, a client and round", against_dense(traffic.bytes_up_per_client)},
                                       {"dense values, one way", show_bytes(traffic.dense_bytes_per_client)}};
  const ClientCostFigures& client = summary.client;
  if (std::isfinite(client.live_bytes)) {
    lines.push_back({"FLOPs, a client and round", show_short_count(client.flops)});
    lines.push_back({"live bytes of a client, by the cost model", show_bytes(client.live_bytes)});
    lines.push_back({"peak of a client, with activations", show_bytes(client.peak_bytes)});
  }
  if (const auto& own = summary.personal) {
    lines.push_back({"accuracy of " + show_count(static_cast<double>(own->clients)) + " clients' own models, held-out samples",
                     show_percent(own->accuracy) + " at a mean density of " + show_significant(own->density, 3)});
  }
  if (std::isfinite(summary.coordinator_flops)) {
    lines.push_back({"FLOPs of the coordinator's own training", show_short_count(summary.coordinator_flops)});
  }
  if (summary.devices) add_device_lines(*summary.devices, lines);
  for (const auto& [level, bytes] : summary.level_bytes) lines.push_back({"partial sums to the " + level, show_bytes(bytes)});
  lines.push_back({"wall time", show_seconds(total_seconds(summary))});
  lines.push_back({"peak memory of a rank", show_bytes(static_cast<double>(summary.peak_memory_bytes))});
  lines.push_back({"ranks x threads", std::to_string(summary.ranks) + " x " + std::to_string(summary.threads)});
  return lines;
}

}  // namespace coppice
