// What a budget over units counts, as a function of the families' widths.
//
//   flops    multiply-adds of a forward pass
//   params   parameters
//   bytes    of the model's file: parameters and running statistics as float32
//   latency  nanoseconds of a forward pass, from a table that was measured beforehand. With s_b(w) what the model saves whose
//            bundle b alone has width w,
//              t(widths) = t(full) - J(sum_b s_b(w_b))
//            J: what the same cuts save together, measured with all bundles narrowed alike; narrow layers save less than their
//            sum. s_b and J are linear between what was measured; what the model then takes is measured after the cut.
// Cost: one cost() of the model; latency: one look into the table a bundle.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "algorithms/budget/budget.h"
#include "models/model.h"

namespace coppice {

// Times of one model on one machine; an input of a run from the moment it was measured.
struct LatencyTable {
  struct Bundle {
    std::string family;                // the bundle's first
    std::vector<std::int64_t> widths;  // descending from the full one
    std::vector<std::int64_t> ns;      // of each, never rising
  };
  std::int64_t batch = 1;
  std::int64_t threads = 1;
  struct Joint {
    std::int64_t apart_ns = 0;     // the sum of what the bundles save one by one
    std::int64_t together_ns = 0;  // what they save at once
  };
  std::int64_t full_ns = 0;
  std::vector<Bundle> bundles;
  std::vector<Joint> joints;         // rising, in both

  // What a bundle saves alone at a width; outside the widths measured the nearest one counts.
  std::int64_t saving(std::size_t bundle, std::int64_t width) const;
  // Of the model that saves `apart_ns` bundle by bundle; beyond the last joint as much again is taken to be saved.
  std::int64_t time(std::int64_t apart_ns) const;
};

const char* key_of(BudgetMeasure measure);   // as in a config: "flops", ...
const char* noun_of(BudgetMeasure measure);  // for people: "multiply-adds", ...

class SizeMeasure {
 public:
  // Both must outlive it. Throws InputError where latency has no table, or one that lacks a family that `bundles` names.
  SizeMeasure(const BudgetConfig& config, const Model& model, const PrunableStructure& structure, std::span<const std::string> bundles);

  std::int64_t of(std::span<const std::int64_t> widths) const;

 private:
  const Model& model_;
  BudgetMeasure measure_;
  std::int64_t fixed_statistics_ = 0;             // running statistics that no unit takes along
  std::vector<std::int64_t> unit_statistics_;     // of one unit of each family
  const LatencyTable* table_ = nullptr;
  std::vector<std::size_t> family_of_bundle_;
};

}  // namespace coppice
