#include <cmath>

#include "coordinator/report/closing_table.h"
#include "coordinator/report/figures.h"
#include "coordinator/report/html_page.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/report_sections.h"
#include "coordinator/report/verdict.h"

namespace coppice {
namespace {

std::string tile(const std::string& label, const std::string& figure, const std::string& note) {
  return "<div class=\"tile\"><span>" + escape_html(label) + "</span><b>" + escape_html(figure) + "</b><span>" +
         escape_html(note) + "</span></div>\n";
}

std::string share_note(double part, double whole, const std::string& shown) {
  return whole > 0.0 && std::isfinite(part) ? show_percent(part / whole) + " of " + shown : "";
}

// The result's figures; the note below each is what it is judged against.
std::string tiles(const RunSummary& summary) {
  const VariantFigures& result = result_of(summary);
  const VariantFigures* reference = reference_of(summary);
  const auto against = [&](const std::string& figure) {
    return reference != nullptr && figure != "-" ? "against " + figure : "";
  };
  const auto share = [&](double value, double whole, std::string (*show)(double)) {
    return reference != nullptr ? share_note(value, whole, show(whole)) : "";
  };
  const VariantFigures& other = reference != nullptr ? *reference : result;
  std::string html;
  if (std::isfinite(result.accuracy)) {
    html += tile("accuracy", show_percent(result.accuracy), against(show_percent(other.accuracy)));
  } else if (std::isfinite(result.loss)) {
    html += tile("loss", show_significant(result.loss, 4), against(show_significant(other.loss, 4)));
  }
  const auto flops = static_cast<double>(result.flops), parameters = static_cast<double>(result.parameters);
  html +=
      tile("FLOPs a sample", show_short_count(flops), share(flops, static_cast<double>(other.flops), show_short_count));
  html += tile("parameters", show_short_count(parameters),
               share(parameters, static_cast<double>(other.parameters), show_short_count));
  if (result.file_bytes) {
    const auto bytes = static_cast<double>(*result.file_bytes);
    html += tile(result.artifact.empty() ? "on disk" : "on disk, " + result.artifact, show_bytes(bytes),
                 other.file_bytes ? share(bytes, static_cast<double>(*other.file_bytes), show_bytes) : "");
  }
  if (!result.latency_ms.empty()) {
    const auto [batch, milliseconds] = *result.latency_ms.begin();
    const auto found = other.latency_ms.find(batch);
    html += tile("latency, batch " + std::to_string(batch), show_milliseconds(milliseconds),
                 found != other.latency_ms.end() ? against(show_milliseconds(found->second)) : "");
  }
  const TrafficFigures& traffic = summary.traffic;
  const double both = traffic.bytes_down_per_client + traffic.bytes_up_per_client;
  if (std::isfinite(both)) {
    html += tile("traffic a round", show_bytes(both), share_note(both, 2.0 * traffic.dense_bytes_per_client, "dense"));
  }
  return "<div class=\"tiles\">\n" + html + "</div>\n";
}

std::string counted(std::int64_t count, const std::string& one, const std::string& many) {
  return show_count(static_cast<double>(count)) + " " + (count == 1 ? one : many);
}

}  // namespace

std::string header_section(const RunRecord& run) {
  const RunSummary& summary = run.summary;
  std::int64_t declined = 0;
  for (const RoundRecord& round : run.rounds) {
    if (__builtin_add_overflow(declined, round.declined, &declined)) declined = round.declined;
  }
  std::vector<std::string> chips = {summary.data.name + ", " + counted(summary.data.clients, "client", "clients")};
  if (!summary.model_family.empty()) chips.push_back(summary.model_family);
  chips.push_back(counted(static_cast<std::int64_t>(run.rounds.size()), "round", "rounds"));
  if (summary.mask) chips.push_back(summary.mask->pattern + ", density " + show_percent(summary.mask->density));
  chips.push_back("seed " + std::to_string(summary.seed));
  chips.push_back(counted(summary.ranks, "rank", "ranks") + ", " + counted(summary.threads, "thread", "threads") +
                  " each");
  chips.push_back(show_seconds(total_seconds(summary)));
  if (declined > 0) chips.push_back(counted(declined, "declined report", "declined reports"));
  std::string html = "<header>\n<p class=\"kicker\">Coppice: federated pruning and sparse fine-tuning</p>\n<h1>" +
                     escape_html(summary.name) + "</h1>\n<p class=\"verdict\">" + escape_html(verdict(summary)) +
                     "</p>\n" + tiles(summary) + "<p class=\"dim\">" + escape_html(caveat(summary)) +
                     "</p>\n";
  for (const std::string& warning : summary.warnings) html += "<p><b>Warning:</b> " + escape_html(warning) + "</p>\n";
  html += "<ul class=\"chips\">";
  for (const std::string& chip : chips) html += "<li>" + escape_html(chip) + "</li>";
  return html + "</ul>\n</header>\n";
}

std::string variants_section(const RunRecord& run) {
  const VariantTable table = variant_table(run.summary);
  std::vector<std::string> columns;
  for (const std::string& column : table.columns) columns.push_back(escape_html(column));
  std::vector<std::vector<std::string>> rows;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    rows.emplace_back();
    for (std::size_t c = 0; c < table.rows[r].size(); ++c) {
      const std::string& share = table.shares[r][c];
      rows.back().push_back(escape_html(table.rows[r][c]) +
                            (share.empty() ? "" : "<small>" + escape_html(share) + "</small>"));
    }
  }
  std::string notes;
  for (const VariantFigures& variant : run.summary.variants) {
    if (variant.artifact == "zeros" && notes.empty()) {
      notes =
          "<p class=\"dim\">An artifact of kind zeros has the shape of the dense model and zeros where the mask drops: "
          "it is not smaller on disk "
          "or faster for ordinary tools.</p>\n";
    }
  }
  const VariantFigures* reference = reference_of(run.summary);
  const std::string of =
      reference == nullptr ? "" : " Small print: share of the " + escape_html(reference->name) + " model's figure.";
  return html_section("models", "The models side by side",
                      "<p class=\"dim\">Accuracy and loss on the test data; latency measured on this machine with " +
                          counted(run.summary.threads, "thread", "threads") + "." + of + "</p>\n" +
                          html_table(columns, rows, table.result_row) + notes);
}

}  // namespace coppice
