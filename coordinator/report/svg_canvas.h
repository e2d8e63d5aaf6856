// The frame that every chart of the report shares: size, margins, coordinates, axes.
#pragma once

#include <string>

#include "coordinator/report/svg_axis.h"

namespace coppice {

constexpr double kCanvasWidth = 460.0;
constexpr double kCanvasHeight = 250.0;
constexpr double kMarginLeft = 54.0;
constexpr double kMarginRight = 22.0;
constexpr double kMarginTop = 20.0;
constexpr double kMarginBottom = 38.0;
constexpr double kPlotWidth = kCanvasWidth - kMarginLeft - kMarginRight;
constexpr double kPlotHeight = kCanvasHeight - kMarginTop - kMarginBottom;

std::string coordinate(double value);  // at most one decimal

struct Canvas {
  AxisScale x;
  AxisScale y;

  double px(double value) const { return kMarginLeft + x.fraction(value) * kPlotWidth; }
  double py(double value) const { return kMarginTop + (1.0 - y.fraction(value)) * kPlotHeight; }
};

std::string svg_line(const char* css_class, double x1, double y1, double x2, double y2);
// `anchor`: "start", "middle" or "end". `text` is escaped here.
std::string svg_text(const char* css_class, double x, double y, const char* anchor, const std::string& text);

// Grid, tick labels and the x axis's name.
std::string draw_axes(const Canvas& canvas, FigureKind x_kind, FigureKind y_kind, const std::string& x_label);

// <figure> with its caption around a drawing; `legend` is HTML.
std::string figure(const std::string& title, const std::string& note, const std::string& legend,
                   const std::string& drawing);

}  // namespace coppice
