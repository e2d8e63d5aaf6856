// What a comparison looks like: quality against each cost, one point an arm with its standard error.
#pragma once

#include <string>
#include <vector>

#include "coordinator/report/compare.h"

namespace coppice {

// `curves[a]`: the name of the curve that arm a lies on; arms of one curve are joined in the order of their cost. "" where no cost has
// figures. Quality is accuracy, or the loss where no run has one.
std::string tradeoff_section(const Comparison& comparison, const std::vector<std::string>& curves);

}  // namespace coppice
