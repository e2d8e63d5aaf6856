#include <algorithm>
#include <cmath>

#include "coordinator/report/figures.h"
#include "coordinator/report/html_page.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/report_sections.h"
#include "coordinator/report/svg_diagrams.h"

namespace coppice {

std::string kept_section(const RunRecord& run) {
  if (!run.summary.mask) return "";
  const MaskFigures& mask = *run.summary.mask;
  std::string html = "<p>Pattern " + escape_html(mask.pattern) + ", density " + show_percent(mask.density) +
                     " of the weights that can be pruned. Digest <code>" + escape_html(mask.digest) +
                     "</code>.</p>\n<div class=\"kept\">\n";
  for (const LayerKept& layer : mask.layers) {
    const double fraction = layer.total > 0 ? static_cast<double>(layer.kept) / static_cast<double>(layer.total) : 0.0;
    html += "<div><span>" + escape_html(layer.name) + "</span>" + html_bar(fraction) + "<span>" +
            show_count(static_cast<double>(layer.kept)) + " / " + show_count(static_cast<double>(layer.total)) +
            " <small>" + show_percent(fraction, 0) + "</small></span></div>\n";
  }
  return html_section("kept", "What each layer kept", html + "</div>\n");
}

std::string mask_section(const RunRecord& run) {
  if (!run.summary.mask) return "";
  std::string pictures;
  for (const LayerKept& layer : run.summary.mask->layers) pictures += draw_mask_picture(layer);
  if (pictures.empty()) return "";
  return html_section("mask", "The mask",
                      "<p class=\"dim\">Filled cells are kept, pale ones were cut.</p>\n<div class=\"layers\">\n" +
                          pictures + "</div>\n");
}

std::string fusion_section(const RunRecord& run) {
  if (!run.summary.fusion || run.summary.fusion->candidates.empty()) return "";
  const FusionFigures& fusion = *run.summary.fusion;
  double largest = 0.0;
  for (const FusionCandidate& candidate : fusion.candidates) {
    if (std::isfinite(candidate.select_loss)) largest = std::max(largest, candidate.select_loss);
  }
  std::vector<std::vector<std::string>> rows;
  int chosen = -1;
  for (const FusionCandidate& candidate : fusion.candidates) {
    if (candidate.name == fusion.chosen) chosen = static_cast<int>(rows.size());
    const bool measured = std::isfinite(candidate.select_loss) && largest > 0.0;
    rows.push_back({escape_html(candidate.name) + (candidate.name == fusion.chosen ? "<small>chosen</small>" : ""),
                    measured ? html_bar(candidate.select_loss / largest) : "",
                    show_significant(candidate.select_loss, 4), show_percent(candidate.select_accuracy)});
  }
  return html_section("fusion", "Candidates of the fusion",
                      "<p class=\"dim\">Each way of fusing coarse and fine importance gave a mask; the losses below "
                      "chose between them, on "
                      "data that is not the test data.</p>\n" +
                          html_table({"candidate", "", "select loss", "select accuracy"}, rows, chosen));
}

std::string errors_section(const RunRecord& run) {
  const RunSummary& summary = run.summary;
  const std::string matrix = draw_confusion(summary.confusion, summary.data.classes);
  const std::string spread = draw_reliability(summary.calibration) + draw_client_accuracy(summary.per_client);
  if (matrix.empty() && spread.empty()) return "";
  return html_section("errors", "Where the result errs",
                      "<div class=\"charts\">\n" + matrix + "<div>" + spread + "</div></div>\n");
}

}  // namespace coppice
