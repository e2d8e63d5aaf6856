#include "simulations/data_page.h"

#include <algorithm>
#include <cmath>

#include "coordinator/report/base64.h"
#include "coordinator/report/figures.h"
#include "coordinator/report/html_page.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/png.h"
#include "coordinator/report/svg_plot.h"

namespace coppice {
namespace {

constexpr std::size_t kMostNames = 40;

std::string count(std::int64_t value) { return show_count(static_cast<double>(value)); }

std::string tile(const std::string& figure, const std::string& what) {
  return "<div class=\"tile\"><b>" + figure + "</b><span>" + what + "</span></div>";
}

std::string picture(const std::string& png, const std::string& words, const std::string& style) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(png.data());
  return "<img alt=\"" + escape_html(words) + "\" title=\"" + escape_html(words) + "\" style=\"image-rendering: pixelated; " + style +
         "\" src=\"data:image/png;base64," + to_base64({bytes, png.size()}) + "\">";
}

std::string class_name(const DataSummary& summary, std::size_t k) {
  return k < summary.class_names.size() ? summary.class_names[k] : std::to_string(k);
}

std::string head(const std::string& title, const DataSummary& summary) {
  std::string tiles = tile(count(summary.train.examples), "training examples") + tile(count(summary.test.examples), "test examples");
  if (summary.num_clients > 0) tiles += tile(count(summary.num_clients), "clients");
  if (!summary.train.class_counts.empty()) tiles += tile(count(static_cast<std::int64_t>(summary.train.class_counts.size())), "classes");
  if (summary.examples_looked_at) {
    tiles += tile(count(summary.examples_looked_at->test_in_train), "test examples that are training examples, too") +
             tile(count(summary.examples_looked_at->repeated_in_train), "training examples that stand there twice");
  }
  std::string text = "<header><p class=\"kicker\">Coppice: data</p>\n<h1>" + escape_html(title) + "</h1>\n<p>" +
                     escape_html(summary.description) + "</p>\n<div class=\"tiles\">" + tiles + "</div>\n";
  text += "<p><b>Contract:</b> " + escape_html(summary.contract.empty() ? "none was agreed on" : summary.contract) + "</p>\n";
  if (!summary.note.empty()) text += "<p><b>Note:</b> " + escape_html(summary.note) + "</p>\n";
  return text + "<p class=\"dim\">This page shows what is in the data; it is for whoever may see the data itself.</p></header>\n";
}

std::string sizes_section(const DataSummary& summary) {
  if (summary.num_clients == 0) return "";
  LineChart chart;
  chart.title = "Examples of a client";
  chart.note = "clients from the smallest to the largest: " + count(summary.least) + " least, " + count(summary.median) + " median, " +
               count(summary.most) + " most";
  chart.kind = FigureKind::kCount;
  chart.from_zero = true;
  LineSeries series{"examples", LineStyle::kMain, {}, {}};
  for (std::size_t c = 0; c < summary.sizes.size(); ++c) {
    series.xs.push_back(static_cast<double>(c + 1));
    series.ys.push_back(static_cast<double>(summary.sizes[c]));
  }
  chart.series.push_back(std::move(series));
  std::vector<std::vector<std::string>> rows;
  for (const ClientSummary& client : summary.clients) {
    rows.push_back({std::to_string(client.client), count(client.examples), show_bytes(static_cast<double>(client.bytes)),
                    "<code>" + client.digest.substr(0, 12) + "</code>"});
  }
  const std::string rest = summary.num_clients > static_cast<std::int64_t>(summary.clients.size()) ? ", the first ones" : "";
  return html_section("clients", "Clients", draw(chart) + "<details><summary>" + std::to_string(rows.size()) + " clients" + rest +
                                                "</summary>\n" + html_table({"client", "examples", "bytes", "digest"}, rows) +
                                                "</details>\n");
}

// A row a client, a column a class, shaded by the share of the client's examples.
std::string skew_section(const DataSummary& summary) {
  const std::size_t classes = summary.train.class_counts.size();
  if (classes == 0 || summary.clients.empty()) return "";
  std::vector<std::uint8_t> shades;
  for (const ClientSummary& client : summary.clients) {
    for (const std::int64_t of_class : client.class_counts) {
      const double share = static_cast<double>(of_class) / static_cast<double>(std::max<std::int64_t>(1, client.examples));
      shades.push_back(static_cast<std::uint8_t>(std::ceil(255.0 * share)));
    }
  }
  const auto rows = static_cast<std::int64_t>(summary.clients.size());
  const std::string words = std::to_string(rows) + " clients (down) by " + std::to_string(classes) + " classes (across)";
  return html_section("skew", "Label skew",
                      "<p>Mean total-variation distance of a client's classes from all clients': <b>" +
                          show_fixed(summary.mean_total_variation, 3) + "</b> (0 = all alike, near 1 = nothing shared). Mean entropy " +
                          show_fixed(summary.mean_class_entropy, 3) + " of at most " + show_fixed(std::log(static_cast<double>(classes)), 3) +
                          " nats.</p>\n" + picture(shades_to_png(rows, static_cast<std::int64_t>(classes), shades), words,
                                                   "background: var(--off); width: min(100%, 640px); height: " +
                                                       std::to_string(std::clamp<std::int64_t>(rows * 12, 60, 480)) + "px") +
                          "<p class=\"dim\">" + words + ", shaded by the share of the client's examples.</p>\n");
}

std::string classes_section(const DataSummary& summary) {
  std::vector<std::vector<std::string>> rows;
  const std::vector<std::int64_t>& counts = summary.train.class_counts;
  const std::int64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  for (std::size_t k = 0; k < std::min(counts.size(), kMostNames); ++k) {
    rows.push_back({escape_html(class_name(summary, k)), count(counts[k]), count(summary.test.class_counts[k]),
                    html_bar(most == 0 ? 0.0 : static_cast<double>(counts[k]) / static_cast<double>(most))});
  }
  if (rows.empty()) return "";
  const std::string rest = counts.size() > kMostNames ? "<p class=\"dim\">and " + std::to_string(counts.size() - kMostNames) + " more</p>" : "";
  return html_section("classes", "Classes", html_table({"class", "train", "test", ""}, rows) + rest);
}

std::string columns_section(const DataSummary& summary) {
  if (!summary.examples_looked_at || summary.examples_looked_at->columns.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const ColumnSummary& column : summary.examples_looked_at->columns) {
    std::string categories;
    for (const auto& [name, examples] : column.categories) {
      categories += (categories.empty() ? "" : ", ") + escape_html(name) + " " + count(examples);
    }
    const bool numbers = column.categories.empty();
    rows.push_back({escape_html(column.name), numbers ? show_significant(column.least, 4) : "", numbers ? show_significant(column.mean, 4) : "",
                    numbers ? show_significant(column.most, 4) : "", count(column.missing), categories});
  }
  return html_section("columns", "Columns", html_table({"input", "least", "mean", "most", "missing", "categories"}, rows));
}

std::string examples_section(const LoadedData& data, const DataSummary& summary, const std::vector<ShownExample>& shown,
                             const std::vector<std::string>& texts) {
  std::string html;
  const ExampleSpec& spec = data.train->spec();
  for (std::size_t i = 0; i < shown.size(); ++i) {
    std::string words = shown[i].client < 0 ? "" : "client " + std::to_string(shown[i].client);
    if (!data.train->classes().empty()) {
      const auto k = static_cast<std::size_t>(data.train->classes()[static_cast<std::size_t>(shown[i].index)]);
      words += (words.empty() ? "" : ": ") + class_name(summary, k);
    }
    if (i < texts.size()) {
      html += "<p><span class=\"dim\">" + escape_html(words) + "</span><br>" + escape_html(texts[i]) + "</p>\n";
    } else if (spec.kind == ExampleSpec::Kind::kImage && (spec.shape[2] == 1 || spec.shape[2] == 3)) {
      const auto stored = data.train->stored_input(shown[i].index).values;
      const std::string png = pixels_to_png(spec.shape[0], spec.shape[1], spec.shape[2],
                                            {reinterpret_cast<const std::uint8_t*>(stored.data()), stored.size()});
      html += picture(png, words, "width: 72px; height: auto; margin: 0 6px 6px 0") + "\n";
    }
  }
  return html_section("examples", "Examples", html);
}

std::string files_section(const LoadedData& data, const DataSummary& summary) {
  std::vector<std::vector<std::string>> rows{{"training data", count(summary.train.examples), "<code>" + summary.train.digest + "</code>"},
                                             {"test data", count(summary.test.examples), "<code>" + summary.test.digest + "</code>"}};
  for (const SourceFile& source : data.sources) {
    rows.push_back({"converted from " + escape_html(source.name), "", source.bytes > 0 ? "<code>" + source.digest.hex() + "</code>" : ""});
  }
  return html_section("files", "Splits and digests", html_table({"", "examples", "BLAKE2b"}, rows));
}

}  // namespace

std::string data_page(const std::string& title, const LoadedData& data, const DataSummary& summary, const std::vector<ShownExample>& shown,
                      const std::vector<std::string>& texts) {
  return html_page(title, head(title, summary) + sizes_section(summary) + skew_section(summary) + classes_section(summary) +
                              columns_section(summary) + examples_section(data, summary, shown, texts) + files_section(data, summary));
}

}  // namespace coppice
