#include <algorithm>
#include <cmath>

#include "coordinator/report/closing_table.h"
#include "coordinator/report/figures.h"
#include "coordinator/report/html_page.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/report_sections.h"

namespace coppice {
namespace {

struct StageCost {
  std::string name;
  std::int64_t rounds = 0;
  double seconds = 0.0;
  double bytes = 0.0;        // of all clients, both ways
  double dense_bytes = 0.0;  // the same rounds at dense values both ways
};

// Stages in the order they ran; those that the summary knows and the rounds do not come last.
std::vector<StageCost> stage_costs(const RunRecord& run) {
  std::vector<StageCost> stages;
  const auto stage = [&](const std::string& name) -> StageCost& {
    for (StageCost& one : stages) {
      if (one.name == name) return one;
    }
    return stages.emplace_back(StageCost{.name = name});
  };
  for (const RoundRecord& round : run.rounds) {
    StageCost& cost = stage(round.stage);
    const auto clients = static_cast<double>(round.clients);
    ++cost.rounds;
    cost.seconds += round.seconds;
    const double bytes = round.bytes_down + round.bytes_up;
    // Bytes of a client, but no count of clients: the sum is not known, and is not shown as less than it was.
    cost.bytes += round.clients == 0 && bytes > 0.0 ? kNoFigure : clients * bytes;
    cost.dense_bytes += clients * 2.0 * run.summary.traffic.dense_bytes_per_client;
  }
  for (const auto& [name, seconds] : run.summary.seconds) stage(name).seconds = seconds;
  return stages;
}

std::string stage_table(const std::vector<StageCost>& stages) {
  double seconds = 0.0, bytes = 0.0, dense = 0.0;
  std::int64_t rounds = 0;
  for (const StageCost& stage : stages) {
    rounds += stage.rounds;
    seconds += std::isfinite(stage.seconds) ? stage.seconds : 0.0;
    bytes += stage.bytes;
    dense += stage.dense_bytes;
  }
  std::vector<std::vector<std::string>> rows;
  const auto share = [](double part, double whole) {
    return whole > 0.0 ? show_percent(part / whole) : std::string("-");
  };
  for (const StageCost& stage : stages) {
    rows.push_back({escape_html(stage.name), show_count(static_cast<double>(stage.rounds)), show_seconds(stage.seconds),
                    html_bar(seconds > 0.0 ? stage.seconds / seconds : 0.0), show_bytes(stage.bytes),
                    share(stage.bytes, stage.dense_bytes)});
  }
  rows.push_back({"all", show_count(static_cast<double>(rounds)), show_seconds(seconds), "", show_bytes(bytes),
                  share(bytes, dense)});
  return "<h3>By stage</h3>\n" +
         html_table({"stage", "rounds", "seconds", "", "bytes of all clients", "of dense values"}, rows,
                    static_cast<int>(rows.size()) - 1);
}

std::string phase_table(const std::vector<RoundRecord>& rounds) {
  std::map<std::string, double> phases;
  double total = 0.0;
  for (const RoundRecord& round : rounds) {
    for (const auto& [phase, seconds] : round.phases) {
      if (!std::isfinite(seconds)) continue;
      phases[phase] += seconds;
      total += seconds;
    }
  }
  if (phases.empty()) return "";
  std::vector<std::pair<std::string, double>> sorted(phases.begin(), phases.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::vector<std::string>> rows;
  for (const auto& [phase, seconds] : sorted) {
    const double fraction = total > 0.0 ? seconds / total : 0.0;
    rows.push_back({escape_html(phase), show_seconds(seconds), show_percent(fraction), html_bar(fraction)});
  }
  return "<h3>By phase, on rank 0</h3>\n" + html_table({"phase", "seconds", "share", ""}, rows);
}

}  // namespace

std::string costs_section(const RunRecord& run) {
  std::vector<std::vector<std::string>> lines;
  for (const auto& [label, figure] : cost_lines(run.summary))
    lines.push_back({escape_html(label), escape_html(figure)});
  return html_section("costs", "What it cost",
                      "<div class=\"pair\">\n<div><h3>In all</h3>\n" + html_table({"", ""}, lines) + "</div>\n<div>" +
                          phase_table(run.rounds) + "</div>\n</div>\n" + stage_table(stage_costs(run)));
}

std::string provenance_section(const RunRecord& run) {
  const RunSummary& summary = run.summary;
  std::string list = "<dl>\n";
  const auto entry = [&](const std::string& term, const std::string& value) {
    list += "<dt>" + escape_html(term) + "</dt><dd>" + escape_html(value) + "</dd>\n";
  };
  entry("data", summary.data.name + (summary.data.note.empty() ? "" : ": " + summary.data.note));
  entry("seed", std::to_string(summary.seed));
  entry("config digest", summary.config_digest);
  if (summary.mask) entry("mask digest", summary.mask->digest);
  for (const auto& [key, value] : summary.fingerprint) entry(key, value);
  return html_section(
      "config", "How to repeat it",
      "<p class=\"dim\">The same config on the same fingerprint gives the same bits, on any number of ranks.</p>\n" +
          list + "</dl>\n<details><summary>Resolved config</summary>\n<pre>" + escape_html(run.config_yaml) +
          "</pre></details>\n");
}

}  // namespace coppice
