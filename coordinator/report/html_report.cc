#include "coordinator/report/html_report.h"

#include <array>
#include <utility>

#include "core/file.h"
#include "coordinator/report/html_page.h"
#include "coordinator/report/html_text.h"
#include "coordinator/report/report_sections.h"

namespace coppice {

std::string html_report(const RunRecord& run) {
  using Section = std::string (*)(const RunRecord&);
  struct Entry {
    const char* id;
    const char* name;
    Section draw;
  };
  constexpr std::array<Entry, 9> kSections = {{{"models", "Models", variants_section},
                                               {"curves", "Curves", curves_section},
                                               {"tradeoff", "Quality and cost", tradeoff_section},
                                               {"kept", "Kept", kept_section},
                                               {"mask", "Mask", mask_section},
                                               {"fusion", "Fusion", fusion_section},
                                               {"errors", "Errors", errors_section},
                                               {"costs", "Costs", costs_section},
                                               {"config", "Repeat", provenance_section}}};
  std::string links, body;
  for (const Entry& entry : kSections) {
    const std::string section = entry.draw(run);
    if (section.empty()) continue;
    links += std::string("<a href=\"#") + entry.id + "\">" + entry.name + "</a>\n";
    body += section;
  }
  return html_page(run.summary.name, header_section(run) + "<nav>\n" + links + "</nav>\n" + body);
}

std::string write_html_report(const std::string& folder) {
  const std::string path = folder + "/report.html";
  write_file_atomically(path, html_report(read_run(folder)));
  return path;
}

}  // namespace coppice
