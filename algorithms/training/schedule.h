// Learning-rate schedules over the rounds of a stage.
#pragma once

#include <cstdint>
#include <variant>

#include "core/config.h"

namespace coppice {

struct ConstantSchedule {
  static constexpr const char* kName = "constant";
  void visit(FieldVisitor&) {}
};

// From 1 to `final_fraction` along half a cosine; round r of R takes the value at r/R (Loshchilov & Hutter 2017, eq. 5,
// without restarts).
struct CosineSchedule {
  static constexpr const char* kName = "cosine";
  double final_fraction = 0.0;
  std::int64_t warmup_rounds = 0;  // linear from 0 before
  void visit(FieldVisitor& v);
};

using ScheduleConfig = std::variant<ConstantSchedule, CosineSchedule>;

// Factor on the learning rate in round `round` of `rounds`.
double lr_scale(const ScheduleConfig& config, std::int64_t round, std::int64_t rounds);

}  // namespace coppice
