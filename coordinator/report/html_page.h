// The shell of every HTML page the program writes: one file, no request to anywhere, readable in light, in dark, on a
// phone and on paper.
#pragma once

#include <string>
#include <vector>

namespace coppice {

// `body` is HTML; `title` is escaped here. The script only adds tooltips and unfolds everything for printing.
std::string html_page(const std::string& title, const std::string& body);

// A heading and its content; "" where the content is empty, so absent figures leave no hole.
std::string html_section(const std::string& id, const std::string& heading, const std::string& content);

// Cells are HTML. The first column is a name, the others are figures and right-aligned. Without a named column there
// is no heading row. `marked` is the row to stress, or -1.
std::string html_table(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows,
                       int marked = -1);

// A bar of the given fraction of its cell.
std::string html_bar(double fraction);

}  // namespace coppice
