#include "coordinator/report/html_page.h"

#include <algorithm>

#include "coordinator/report/figures.h"
#include "coordinator/report/html_style.h"
#include "coordinator/report/html_text.h"

namespace coppice {

std::string html_page(const std::string& title, const std::string& body) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>";
  html += escape_html(title);
  html += "</title>\n<style>\n";
  html += kPageStyle;
  html += "</style>\n</head>\n<body>\n<main>\n";
  html += body;
  html += "</main>\n<script>\n";
  html += kPageScript;
  return html + "</script>\n</body>\n</html>\n";
}

std::string html_section(const std::string& id, const std::string& heading, const std::string& content) {
  if (content.empty()) return "";
  return "<section id=\"" + id + "\">\n<h2>" + escape_html(heading) + "</h2>\n" + content + "</section>\n";
}

std::string html_table(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows,
                       int marked) {
  std::string html = "<div class=\"scroll\"><table>\n";
  if (std::any_of(columns.begin(), columns.end(), [](const std::string& column) { return !column.empty(); })) {
    html += "<thead><tr>";
    for (const std::string& column : columns) html += "<th>" + column + "</th>";
    html += "</tr></thead>\n";
  }
  html += "<tbody>\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    html += static_cast<int>(r) == marked ? "<tr class=\"marked\">" : "<tr>";
    for (const std::string& cell : rows[r]) html += "<td>" + cell + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string html_bar(double fraction) {
  const double percent = fraction >= 0.0 ? std::min(fraction, 1.0) * 100.0 : 0.0;
  return "<span class=\"meter\"><span style=\"width:" + show_fixed(percent, 1) + "%\"></span></span>";
}

}  // namespace coppice
