// What goes up: one client's answer to one plan, already released, on its way into a sum or into a single message.
//
// Entries refer to the client's working memory where they can (a difference of two arenas), so that a report of a large model
// is never copied: it is encoded straight into the accumulator.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "algorithms/exchange/answer.h"
#include "algorithms/exchange/plan.h"
#include "core/block.h"
#include "core/exact_sum.h"
#include "models/bits.h"

namespace coppice {

// after - before at the kept positions (all where `kept` is null).
struct Difference {
  std::span<const float> after;
  std::span<const float> before;
  const Bits* kept = nullptr;
};

// Some positions of a longer vector; the others are zero.
struct Scattered {
  std::vector<std::uint32_t> positions;  // ascending
  std::vector<float> values;
  std::int64_t size = 0;
};

struct ReportEntry {
  int block = 0;        // index into report_blocks
  double scale = 1.0;   // what every value is multiplied with
  std::variant<std::vector<double>, std::vector<float>, Difference, Scattered> values;
};

class Report {
 public:
  explicit Report(const std::vector<ReportBlock>& blocks);

  // Throws Error on a block the plan does not ask for.
  void add(const std::string& block, std::vector<double> values, double scale = 1.0);
  void add(const std::string& block, std::vector<float> values, double scale);
  void add(const std::string& block, Difference difference, double scale);
  void add(const std::string& block, Scattered scattered, double scale);
  void add_scalar(const std::string& block, double value) { add(block, std::vector<double>{value}); }

  const std::vector<ReportEntry>& entries() const { return entries_; }

 private:
  void push(const std::string& block, ReportEntry entry);

  std::map<std::string, int> index_;
  std::vector<ReportEntry> entries_;
};

// Adds the report to the sums, all of it or nothing. kNone, kNotFinite or kOverflow.
Decline accumulate(const Report& report, ExactSums& sums);

// The same report as binary exponents of its values, for a probe (ExactSums laid out by probe_specs).
void accumulate_probe(const Report& report, ExactSums& sums);

// Layouts of the fixed-point sums of a plan's blocks. Exponents come from the plan; throws Error where one is missing.
std::vector<SumSpec> sum_specs(const RoundPlan& plan, const std::vector<ReportBlock>& blocks);
std::vector<SumSpec> probe_specs(const std::vector<ReportBlock>& blocks);

// One client's report as a message of float64 blocks, for methods that need it singly; tensors by their block names.
Envelope to_envelope(const Report& report, const RoundPlan& plan, const std::vector<ReportBlock>& blocks,
                     std::int64_t client);

// Bytes the report takes as a frame: tensors in the release's wire format on the plan's support, all else as float64.
std::uint64_t report_bytes(const Report& report, const RoundPlan& plan, const std::vector<ReportBlock>& blocks);

}  // namespace coppice
