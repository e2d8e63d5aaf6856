// What goes up: one client's answer to one plan, already released, on its way into a sum or into a single message.
//
// Entries refer to the client's working memory where they can (a difference of two arenas), so that a report of a large model
// is never copied: it is encoded straight into the accumulator.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "algorithms/exchange/answer.h"
#include "algorithms/exchange/plan.h"
#include "core/addend.h"
#include "core/block.h"
#include "core/exact_sum.h"
#include "models/bits.h"

namespace coppice {

// The format that a release's tensors travel in.
DType dtype_of(Release::Wire wire);

struct ReportEntry {
  std::size_t block = 0;  // index into report_blocks
  Addend addend;
  DType wire = DType::kF64;                 // the format its values travel in
  std::span<const std::uint32_t> positions; // of values that travel with their positions; else empty
  bool votes = false;                       // every value is one: positions alone travel
  bool derived = false;                     // the coordinator has it from another entry: nothing travels
};

class Report {
 public:
  explicit Report(const std::vector<ReportBlock>& blocks);
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  // Throw Error on a block the plan does not ask for.
  void add(const std::string& block, std::vector<double> values, double scale = 1.0);
  void add(const std::string& block, std::vector<float> values, double scale, DType wire);
  void add_scalar(const std::string& block, double value) { add(block, std::vector<double>{value}); }
  // scale * (after - before) at the kept positions (all where `kept` is null). The arrays are read when the report is used.
  void add_difference(const std::string& block, std::span<const float> after, std::span<const float> before,
                      const Bits* kept, double scale);
  // Values at some positions (ascending); the block's other elements get nothing. Positions that the coordinator can draw by
  // itself need not travel.
  void add_scattered(const std::string& block, std::vector<std::uint32_t> positions, std::vector<float> values,
                     double scale, DType wire, bool positions_travel);

  // `weight` at some positions (ascending), which alone travel; nothing does where the coordinator has them from elsewhere.
  void add_votes(const std::string& block, std::vector<std::uint32_t> positions, double weight, bool positions_travel);

  const std::vector<ReportEntry>& entries() const { return entries_; }

 private:
  std::size_t block_of(const std::string& name) const;

  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<ReportEntry> entries_;
  std::deque<std::vector<double>> doubles_;
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<std::uint32_t>> positions_;
};

// Adds the report to the sums, all of it or nothing.
Decline accumulate(const Report& report, ExactSums& sums);

// Counts the binary exponents of the report's values, for a probe (sums laid out by probe_specs).
Decline accumulate_probe(const Report& report, ExactSums& sums);

// Layouts of the fixed-point sums of a plan's blocks. Exponents come from the plan; throws Error where one is missing.
std::vector<SumSpec> sum_specs(const RoundPlan& plan, const std::vector<ReportBlock>& blocks);
std::vector<SumSpec> probe_specs(const std::vector<ReportBlock>& blocks);

// One client's report as a message of dense float64 blocks, for methods that need it singly.
Envelope to_envelope(const Report& report, const RoundPlan& plan, const std::vector<ReportBlock>& blocks,
                     std::int64_t client);

// Bytes of the frame that carries the report: tensors in the release's wire format on the plan's support (positions only where
// they are the client's own), all else as float64.
std::uint64_t report_bytes(const Report& report, const std::vector<ReportBlock>& blocks);

}  // namespace coppice
