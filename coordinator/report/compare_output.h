// A comparison as a person or another program wants it.
#pragma once

#include <string>

#include "coordinator/report/compare.h"

namespace coppice {

// "93.19 ± 0.27", "-" without figures; of a difference with its sign, and "*" where it is clear. Fractions in per cent.
std::string value_text(const MeanAndError& figure, QuantityUnit unit);
std::string difference_text(const MeanAndError& figure, QuantityUnit unit);

// As CSV has them: quoted where that is needed; every digit, nothing where not finite.
std::string csv_field(const std::string& text);
std::string csv_number(double value);

// The figures of the models, then the paired differences; "*" marks those beyond two standard errors.
std::string compare_text(const Comparison& comparison);
// The same with every quantity, as a page of its own.
std::string compare_html(const Comparison& comparison);
// One line a figure: table (value | difference), arm, baseline, quantity, unit, n, mean, standard_error. Full
// precision.
std::string compare_csv(const Comparison& comparison);
// Two booktabs tables.
std::string compare_latex(const Comparison& comparison);

}  // namespace coppice
