// The drawings that are not curves: confusion matrix, reliability diagram, histogram, the picture of a mask.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/report/run_summary.h"

namespace coppice {

// Rows = true classes, shaded by the fraction of the row; counts are written where they fit. `classes` may be empty.
std::string draw_confusion(const std::vector<std::vector<std::int64_t>>& counts,
                           const std::vector<std::string>& classes);

// Accuracy against confidence with the diagonal, and how many predictions each bin holds.
std::string draw_reliability(const std::vector<CalibrationBin>& bins);

// How the accuracy spreads over clients; "" where none has one.
std::string draw_client_accuracy(const std::vector<ClientFigures>& clients);

// The kept cells of one layer with its name; "" where the layer has no picture.
std::string draw_mask_picture(const LayerKept& layer);

}  // namespace coppice
