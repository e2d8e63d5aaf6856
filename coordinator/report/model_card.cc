#include "coordinator/report/model_card.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "coordinator/report/closing_table.h"
#include "coordinator/report/figures.h"
#include "coordinator/report/verdict.h"

namespace coppice {
namespace {

// A JSON string is also a YAML string.
std::string yaml_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// One line of Markdown that shows `text` as it is, also inside a table.
std::string escape_markdown(const std::string& text) {
  static const std::string kSpecial = "\\`*_[]<>|~&$";
  std::string safe;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      safe += ' ';
      continue;
    }
    if (kSpecial.find(c) != std::string::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

std::string front_matter(const RunSummary& summary) {
  const VariantFigures& result = result_of(summary);
  std::string yaml = "---\nlibrary_name: coppice\ntags:\n- pruning\n- federated-learning\n";
  if (summary.mask) yaml += "- " + yaml_text("pattern:" + summary.mask->pattern) + "\n";
  if (!summary.model_family.empty()) yaml += "- " + yaml_text(summary.model_family) + "\n";
  yaml += "datasets:\n- " + yaml_text(summary.data.name) + "\n";
  if (std::isfinite(result.accuracy)) yaml += "metrics:\n- accuracy\n";
  return yaml + "---\n\n";
}

std::string markdown_table(const RunSummary& summary) {
  const VariantTable table = variant_table(summary);
  std::string text, rule;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    text += "| " + escape_markdown(table.columns[c]) + " ";
    rule += c == 0 ? "|---" : "|---:";
  }
  text += "|\n" + rule + "|\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const char* stress = static_cast<int>(r) == table.result_row ? "**" : "";
    for (const std::string& cell : table.rows[r])
      text += std::string("| ") + stress + escape_markdown(cell) + stress + " ";
    text += "|\n";
  }
  return text;
}

std::string artifact_sentence(const std::string& artifact) {
  if (artifact == "sliced")
    return "What was pruned is gone from the shapes: the model is smaller and faster for every tool that loads it.";
  if (artifact == "packed")
    return "The weights are stored packed: smaller on disk, and to be opened by this program or its tools/read_packed.py.";
  if (artifact == "zeros")
    return "The shapes are those of the dense model and what was pruned is zero: same size and speed in ordinary "
           "tools.";
  return "The run did not export it.";
}

std::string making(const RunSummary& summary) {
  std::string text = "The model was pruned and fine-tuned by federated rounds over " +
                     show_count(static_cast<double>(summary.data.clients)) +
                     " clients. The data stayed with the clients; the coordinator saw their reports.\n";
  if (summary.mask) {
    text += "\n- pattern " + escape_markdown(summary.mask->pattern) + ", density " +
            show_percent(summary.mask->density) + " (kept of prunable weights)\n";
    for (const LayerKept& layer : summary.mask->layers) {
      text += "- " + escape_markdown(layer.name) + ": kept " + show_count(static_cast<double>(layer.kept)) + " of " +
              show_count(static_cast<double>(layer.total)) + "\n";
    }
  }
  if (summary.fusion) {
    text += "\nImportance was fused as " + escape_markdown(summary.fusion->chosen) + ", chosen among " +
            std::to_string(summary.fusion->candidates.size()) +
            " candidates by the loss on data kept apart from the test data.\n";
  }
  return text;
}

std::string limits(const RunSummary& summary) {
  std::string text = "- " + escape_markdown(caveat(summary)) + "\n- Latency is of one machine with " +
                     std::to_string(summary.threads) + (summary.threads == 1 ? " thread" : " threads") +
                     "; other machines differ, also in the order.\n"
                     "- Figures are of the test part of " +
                     escape_markdown(summary.data.name) + "; nothing is known of other data.\n";
  const double error = expected_calibration_error(summary.calibration);
  if (std::isfinite(error))
    text += "- Its confidence is off by " + show_percent(error, 2) + " on average (expected calibration error).\n";
  std::vector<double> accuracies;
  for (const ClientFigures& client : summary.per_client) {
    if (std::isfinite(client.accuracy)) accuracies.push_back(client.accuracy);
  }
  if (!accuracies.empty()) {
    const auto [least, most] = std::minmax_element(accuracies.begin(), accuracies.end());
    text += "- Over clients its accuracy goes from " + show_percent(*least) + " to " + show_percent(*most) + ".\n";
  }
  return text;
}

}  // namespace

std::string model_card(const RunSummary& summary) {
  const VariantFigures& result = result_of(summary);
  std::string text = front_matter(summary) + "# " + escape_markdown(summary.name) + "\n\n" +
                     escape_markdown(verdict(summary)) + "\n\n";
  text += "## What it is\n\n";
  if (!summary.model_family.empty())
    text += "A " + escape_markdown(summary.model_family) + " (" + escape_markdown(result.name) + "). ";
  text += "Artifact: **" + (result.artifact.empty() ? "none" : result.artifact) + "**. " +
          artifact_sentence(result.artifact) + "\n\n";
  text += "## What it reaches\n\n" + markdown_table(summary) + "\n";
  text += "## How it was made\n\n" + making(summary) + "\n";
  text += "## Data\n\n" + escape_markdown(summary.data.name) +
          (summary.data.note.empty() ? "" : ": " + escape_markdown(summary.data.note)) + "\n\n";
  text += "## What it cost\n\n";
  for (const auto& [label, figure] : cost_lines(summary))
    text += "- " + escape_markdown(label) + ": " + escape_markdown(figure) + "\n";
  text += "\n## Limits\n\n" + limits(summary) + "\n## Digests\n\n- config: " + escape_markdown(summary.config_digest) +
          "\n";
  if (summary.mask) text += "- mask: " + escape_markdown(summary.mask->digest) + "\n";
  text += "- seed: " + std::to_string(summary.seed) + "\n";
  for (const auto& [key, value] : summary.fingerprint)
    text += "- " + escape_markdown(key) + ": " + escape_markdown(value) + "\n";
  return text;
}

}  // namespace coppice
