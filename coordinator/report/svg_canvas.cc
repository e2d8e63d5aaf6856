#include "coordinator/report/svg_canvas.h"

#include "coordinator/report/figures.h"
#include "coordinator/report/html_text.h"

namespace coppice {

std::string coordinate(double value) {
  std::string text = show_fixed(value, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string svg_line(const char* css_class, double x1, double y1, double x2, double y2) {
  return std::string("<line class=\"") + css_class + "\" x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) +
         "\" x2=\"" + coordinate(x2) + "\" y2=\"" + coordinate(y2) + "\"/>";
}

std::string svg_text(const char* css_class, double x, double y, const char* anchor, const std::string& text) {
  return std::string("<text class=\"") + css_class + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) +
         "\" text-anchor=\"" + anchor + "\">" + escape_html(text) + "</text>";
}

std::string draw_axes(const Canvas& canvas, FigureKind x_kind, FigureKind y_kind, const std::string& x_label) {
  const double bottom = kMarginTop + kPlotHeight;
  std::string svg;
  for (const double tick : canvas.y.ticks) {
    const double y = canvas.py(tick);
    svg += svg_line("grid", kMarginLeft, y, kMarginLeft + kPlotWidth, y);
    svg += svg_text("tick", kMarginLeft - 7, y + 4, "end", tick_label(tick, canvas.y.step, y_kind));
  }
  for (const double tick : canvas.x.ticks) {
    const double x = canvas.px(tick);
    svg += svg_line("axis", x, bottom, x, bottom + 4);
    svg += svg_text("tick", x, bottom + 16, "middle", axis_label(canvas.x, tick, x_kind));
  }
  svg += svg_line("axis", kMarginLeft, bottom, kMarginLeft + kPlotWidth, bottom);
  return svg + svg_text("label", kMarginLeft + kPlotWidth / 2, kCanvasHeight - 4, "middle", x_label);
}

std::string figure(const std::string& title, const std::string& note, const std::string& legend,
                   const std::string& drawing) {
  std::string html = "<figure><figcaption>" + escape_html(title);
  if (!note.empty()) html += "<small>" + escape_html(note) + "</small>";
  html += "</figcaption>";
  if (!legend.empty()) html += "<div class=\"legend\">" + legend + "</div>";
  return html + drawing + "</figure>\n";
}

}  // namespace coppice
