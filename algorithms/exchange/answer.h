// What comes back for a plan: exact sums over the cohort, who took part, and what it cost to carry.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/block.h"
#include "core/exact_sum.h"

namespace coppice {

// One named vector of a report. The list for a plan is a function of plan and model alone (report_blocks), so that every
// rank lays its sums out alike before a single client has run.
struct ReportBlock {
  std::string name;
  std::int64_t count = 0;
};

enum class Decline : std::uint8_t { kNone, kNotFinite, kOverflow, kNoSamples, kWithheld };
const char* name_of(Decline decline);

// What the ledger keeps of one client's part in one plan.
struct ClientOutcome {
  std::int64_t client = 0;
  Decline declined = Decline::kNone;
  std::int64_t samples = 0;
  std::uint64_t bytes_up = 0;  // size of the report as the wire would carry it
  std::int64_t dropped = 0;    // weights of the plan that its personal mask spares it
  double flops = 0.0;          // of its passes (algorithms/exchange/client_cost.h)
  std::int64_t peak_bytes = 0; // of its tensors, measured: weights as received included; varies as the next, and enters no result
  double seconds = 0.0;        // compute time on its rank; varies from run to run and enters no result
};

class Answer {
 public:
  Answer() = default;
  // `sums` has a block for each of `blocks`, in their order.
  Answer(std::uint64_t plan_id, std::vector<ReportBlock> blocks, ExactSums sums, std::vector<ClientOutcome> roster,
         std::vector<Envelope> reports)
      : plan_id_(plan_id), blocks_(std::move(blocks)), sums_(std::move(sums)), roster_(std::move(roster)),
        reports_(std::move(reports)) {}

  std::uint64_t plan_id() const { return plan_id_; }
  const std::vector<ReportBlock>& blocks() const { return blocks_; }
  bool has(std::string_view block) const;
  std::vector<double> sum(std::string_view block) const;  // decoded at each call; throws Error where absent
  // The same without a copy of the whole: take(first, values) for one stretch of the block after the other.
  using TakeChunk = std::function<void(std::size_t first, std::span<const double> values)>;
  void for_each_chunk(std::string_view block, const TakeChunk& take) const;
  double scalar(std::string_view block) const { return sum(block).at(0); }
  double largest(std::string_view block) const;           // magnitude in the sum

  const std::vector<ClientOutcome>& roster() const { return roster_; }  // in client order
  std::int64_t accepted() const { return count(Decline::kNone); }
  std::int64_t count(Decline declined) const;  // of the roster
  const std::vector<Envelope>& reports() const { return reports_; }     // accepted clients, in client order

  std::uint64_t bytes_down = 0;  // of the plan, for one client
  std::uint64_t bytes_up = 0;    // of the largest report
  double seconds = 0.0;
  std::map<std::string, double> level_bytes;  // of partial sums to each level of a hierarchy of ranks; empty where there is none

 private:
  std::size_t index_of(std::string_view block) const;

  std::uint64_t plan_id_ = 0;
  std::vector<ReportBlock> blocks_;
  std::optional<ExactSums> sums_;
  std::vector<ClientOutcome> roster_;
  std::vector<Envelope> reports_;
};

}  // namespace coppice
