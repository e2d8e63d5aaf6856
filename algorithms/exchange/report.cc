#include "algorithms/exchange/report.h"

#include <algorithm>

#include "comm/wire/frame_layout.h"
#include "comm/wire/positions.h"
#include "core/error.h"

namespace coppice {
namespace {

Decline decline_of(Fit fit) {
  switch (fit) {
    case Fit::kFits: return Decline::kNone;
    case Fit::kNotFinite: return Decline::kNotFinite;
    case Fit::kOverflow: return Decline::kOverflow;
  }
  return Decline::kNotFinite;
}

}  // namespace

DType dtype_of(Release::Wire wire) {
  switch (wire) {
    case Release::Wire::kF32: return DType::kF32;
    case Release::Wire::kBF16: return DType::kBF16;
    case Release::Wire::kF16: return DType::kF16;
    case Release::Wire::kI8: return DType::kI8;
  }
  return DType::kF32;
}

Report::Report(const std::vector<ReportBlock>& blocks) {
  for (std::size_t i = 0; i < blocks.size(); ++i) index_.emplace(blocks[i].name, i);
}

std::size_t Report::block_of(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw Error("the plan asks for no block '" + name + "'");
  return found->second;
}

void Report::add(const std::string& block, std::vector<double> values, double scale) {
  doubles_.push_back(std::move(values));
  entries_.push_back({block_of(block), Addend::of(doubles_.back(), scale), DType::kF64, {}});
}

void Report::add(const std::string& block, std::vector<float> values, double scale, DType wire) {
  floats_.push_back(std::move(values));
  entries_.push_back({block_of(block), Addend::of(floats_.back(), scale), wire, {}});
}

void Report::add_difference(const std::string& block, std::span<const float> after, std::span<const float> before,
                            const Bits* kept, double scale) {
  const Addend all = Addend::difference(after, before, scale);
  entries_.push_back({block_of(block), kept != nullptr ? all.kept(kept->words()) : all, DType::kF32, {}});
}

void Report::add_scattered(const std::string& block, std::vector<std::uint32_t> positions, std::vector<float> values,
                           double scale, DType wire, bool positions_travel) {
  floats_.push_back(std::move(values));
  positions_.push_back(std::move(positions));
  entries_.push_back({block_of(block), Addend::of(floats_.back(), scale).scattered(positions_.back()), wire, {}});
  if (positions_travel) entries_.back().positions = positions_.back();
}

void Report::add_votes(const std::string& block, std::vector<std::uint32_t> positions, double weight, bool positions_travel) {
  std::vector<float> ones(positions.size(), 1.0F);
  add_scattered(block, std::move(positions), std::move(ones), weight, DType::kU8, positions_travel);
  entries_.back().votes = true;
  entries_.back().derived = !positions_travel;
}

Decline accumulate(const Report& report, ExactSums& sums) {
  Contribution contribution(sums);
  for (const ReportEntry& entry : report.entries()) {
    const Fit fit = contribution.add(entry.block, entry.addend);
    if (fit != Fit::kFits) return decline_of(fit);
  }
  contribution.commit();
  return Decline::kNone;
}

Decline accumulate_probe(const Report& report, ExactSums& sums) {
  std::deque<std::vector<double>> counts;  // outlives the contribution, which reads it again to take it back
  Contribution contribution(sums);
  for (const ReportEntry& entry : report.entries()) {
    ExponentHistogram histogram;
    if (!histogram.add(entry.addend)) return Decline::kNotFinite;
    counts.push_back(histogram.values());
    contribution.add(entry.block, Addend::of(counts.back(), 1.0));
  }
  contribution.commit();
  return Decline::kNone;
}

std::vector<SumSpec> sum_specs(const RoundPlan& plan, const std::vector<ReportBlock>& blocks) {
  std::vector<SumSpec> specs;
  specs.reserve(blocks.size());
  for (const ReportBlock& block : blocks) {
    const auto found = plan.exponents.find(block.name);
    if (found == plan.exponents.end()) throw Error("the plan has no exponent for block '" + block.name + "'");
    specs.push_back({block.name, static_cast<std::size_t>(block.count), Exponent{found->second}});
  }
  return specs;
}

std::vector<SumSpec> probe_specs(const std::vector<ReportBlock>& blocks) {
  std::vector<SumSpec> specs;
  specs.reserve(blocks.size());
  for (const ReportBlock& block : blocks) specs.push_back({block.name, ExponentHistogram::kBins, Exponent{0}});
  return specs;
}

Envelope to_envelope(const Report& report, const RoundPlan& plan, const std::vector<ReportBlock>& blocks,
                     std::int64_t client) {
  Envelope envelope;
  envelope.kind = MessageKind::kReport;
  envelope.run_id = plan.run_id;
  envelope.plan_id = plan.id;
  envelope.round = static_cast<std::uint32_t>(plan.round);
  envelope.client = static_cast<std::uint32_t>(client);
  if (plan.mask) envelope.mask_digest = plan.mask->digest();
  for (const ReportEntry& entry : report.entries()) {
    const ReportBlock& block = blocks[entry.block];
    std::vector<double> dense(static_cast<std::size_t>(block.count), 0.0);
    const double scale = entry.addend.scale();
    entry.addend.for_each_chunk([&](const Addend::Chunk& chunk) {
      for (std::size_t i = 0; i < chunk.count; ++i) {
        double value = chunk.doubles != nullptr ? chunk.doubles[i] : static_cast<double>(chunk.floats[i]);
        if (chunk.minus != nullptr) value -= static_cast<double>(chunk.minus[i]);
        dense[chunk.positions.empty() ? chunk.offset + i : chunk.positions[i]] += scale * value;
      }
    });
    const auto bytes = std::as_bytes(std::span(dense));
    envelope.blocks.push_back(Block{.name = block.name, .dtype = DType::kF64, .shape = {block.count},
                                    .values = {bytes.begin(), bytes.end()}, .positions = {}});
  }
  return envelope;
}

std::uint64_t report_bytes(const Report& report, const std::vector<ReportBlock>& blocks) {
  std::vector<BlockExtent> extents;
  extents.reserve(report.entries().size());
  for (const ReportEntry& entry : report.entries()) {
    if (entry.derived) continue;
    const ReportBlock& block = blocks[entry.block];
    BlockExtent extent{block.name.size(), 1, entry.addend.count() * bytes_per_element(entry.wire), 0};
    if (!entry.positions.empty()) extent.position_bytes = position_bytes(block.count, static_cast<std::int64_t>(entry.positions.size()));
    if (entry.votes) extent.value_bytes = 0;
    extents.push_back(extent);
  }
  return encoded_size(0, extents);
}

}  // namespace coppice
