// The last step of every task: how what a client computed becomes what leaves it. Nothing leaves a client in any other way,
// so this pipeline is the list to audit:
//
//   select -> transform -> weight -> clip -> encode -> protect
//
// Cost: one pass over the selected values.
#pragma once

#include <cstdint>
#include <string>

#include "algorithms/fusion/client_fusion.h"
#include "core/config.h"

namespace coppice {

struct Release {
  enum class Select : std::uint8_t {
    kDense,        // every value
    kPlanSupport,  // the values kept by the plan's mask
    kCandidates,   // the values at a candidate set that the coordinator's seed draws from the dropped ones
    kPrivateTopK,  // each client's own largest |values| among the dropped ones; positions travel
  };
  enum class Weight : std::uint8_t {
    kOne,      // every client counts the same
    kSamples,  // by number of samples
  };
  enum class Wire : std::uint8_t { kF32, kBF16, kF16, kI8 };
  enum class Protect : std::uint8_t { kNone };

  Select select = Select::kDense;
  std::int64_t count = 0;                          // kCandidates, kPrivateTopK: values a client may send for each tensor
  ClientFusionConfig transform = MeanFusion{};     // raw, l1, vote, rank or agreement: the client's half of client fusion
  Weight weight = Weight::kSamples;
  double clip = 0.0;                               // largest l2 norm of the report; 0 = unbounded
  Wire wire = Wire::kF32;
  Protect protect = Protect::kNone;

  void visit(FieldVisitor& v);
};

}  // namespace coppice
