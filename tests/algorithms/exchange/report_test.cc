#include "algorithms/exchange/report.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/error.h"
#include "models/support.h"
#include "comm/wire/codec.h"
#include "comm/wire/positions.h"
#include "comm/wire/wire.h"
#include "algorithms/exchange/report_blocks.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

const std::vector<ReportBlock> kBlocks = {{"a", 3}, {"b", 4}, {"c", 1}};

ExactSums sums_of(std::int64_t cohort = 8) {
  return ExactSums({{"a", 3, Exponent{20}}, {"b", 4, Exponent{20}}, {"c", 1, Exponent{20}}}, cohort);
}

void add_good(Report& report) {
  report.add("a", std::vector<double>{1, 2, 3}, 2.0);
  report.add_scattered("b", {1, 3}, {5, 7}, 0.5, DType::kF32, true);
  report.add_scalar("c", -4);
}

TEST(Report, EntersTheSumsWholeOrNotAtAll) {
  ExactSums sums = sums_of();
  Report good(kBlocks);
  add_good(good);
  ASSERT_EQ(accumulate(good, sums), Decline::kNone);
  const std::vector<std::int64_t> words(sums.words().begin(), sums.words().end());
  EXPECT_EQ(sums.decode(0), (std::vector<double>{2, 4, 6}));
  EXPECT_EQ(sums.decode(1), (std::vector<double>{0, 2.5, 0, 3.5}));
  EXPECT_EQ(sums.decode(2), (std::vector<double>{-4}));

  for (const auto& [bad, decline] : {std::pair{std::nan(""), Decline::kNotFinite},
                                     std::pair{HUGE_VAL, Decline::kNotFinite}, std::pair{1e18, Decline::kOverflow}}) {
    Report report(kBlocks);
    add_good(report);
    report.add("a", std::vector<double>{1, bad, 3}, 1.0);
    EXPECT_EQ(accumulate(report, sums), decline);
    EXPECT_EQ(std::vector<std::int64_t>(sums.words().begin(), sums.words().end()), words);
  }
  ASSERT_EQ(accumulate(good, sums), Decline::kNone);
  EXPECT_EQ(sums.decode(0), (std::vector<double>{4, 8, 12}));
}

TEST(Report, AProbeCountsExponents) {
  Report report(kBlocks);
  add_good(report);
  ExactSums sums(probe_specs(kBlocks), 8);
  ASSERT_EQ(accumulate_probe(report, sums), Decline::kNone);
  ExponentHistogram expected;
  ASSERT_TRUE(expected.add(Addend::of(std::vector<double>{2, 4, 6}, 1.0)));
  EXPECT_EQ(sums.decode(0), expected.values());
}

TEST(Report, RefusesBlocksThatNobodyAskedFor) {
  Report report(kBlocks);
  EXPECT_THROW(report.add_scalar("d", 1), Error);
  RoundPlan plan;
  plan.exponents = {{"a", 1}, {"b", 1}};
  EXPECT_THROW(sum_specs(plan, kBlocks), Error);
}

TEST(Report, AsAMessageHasTheValuesOfTheSum) {
  const Subject subject = small_mlp();
  RoundPlan plan;
  plan.id = 12;
  plan.values = std::make_shared<const ModelState>(subject.state.clone());
  Report report(kBlocks);
  add_good(report);
  const Envelope envelope = decode(encode(to_envelope(report, plan, kBlocks, 5)));
  EXPECT_EQ(envelope.client, 5U);
  EXPECT_EQ(envelope.plan_id, 12U);
  ExactSums sums = sums_of();
  ASSERT_EQ(accumulate(report, sums), Decline::kNone);
  ASSERT_EQ(envelope.blocks.size(), kBlocks.size());
  for (std::size_t i = 0; i < kBlocks.size(); ++i) {
    const auto* values = reinterpret_cast<const double*>(envelope.blocks[i].values.data());
    EXPECT_EQ(std::vector<double>(values, values + envelope.blocks[i].num_values()), sums.decode(i));
  }
}

// The block that would travel: values in the wire's format, positions only where nobody else knows them.
Block wire_block(const ReportBlock& block, const ReportEntry& entry) {
  Block sent;
  sent.name = block.name;
  sent.dtype = entry.wire;
  sent.shape = {block.count};
  std::vector<double> doubles;
  std::vector<float> floats;
  entry.addend.for_each_chunk([&](const Addend::Chunk& chunk) {
    for (std::size_t i = 0; i < chunk.count; ++i) {
      if (chunk.doubles != nullptr) doubles.push_back(chunk.doubles[i]);
      if (chunk.floats != nullptr) floats.push_back(chunk.floats[i] - (chunk.minus != nullptr ? chunk.minus[i] : 0.0F));
    }
  });
  if (entry.wire == DType::kF64) {
    const auto bytes = std::as_bytes(std::span(doubles));
    sent.values.assign(bytes.begin(), bytes.end());
  } else {
    EncodedValues encoded = encode_values(floats, entry.wire);
    sent.values = std::move(encoded.bytes);
    sent.scale = encoded.scale;
  }
  if (static_cast<std::int64_t>(entry.addend.count()) != block.count) sent.layout = Layout::kOnSupport;
  if (!entry.positions.empty()) {
    sent.layout = Layout::kIndices;
    const auto bytes = std::as_bytes(entry.positions);
    sent.positions.assign(bytes.begin(), bytes.end());
    use_smaller_positions(sent);
  }
  return sent;
}

TEST(Report, BytesAreCountedAsTheWireWouldCarryThem) {
  for (const Subject& subject : subjects()) {
    const Mask mask = element_mask(*subject.model, 4);
    const ArenaLayout& layout = *subject.model->base_layout();
    const Arena after = subject.state.base.zeros_like();
    fill_from_hash(after, 6);
    for (const Release::Wire wire :
         {Release::Wire::kF32, Release::Wire::kBF16, Release::Wire::kF16, Release::Wire::kI8}) {
      for (const std::int64_t count : {0, 1, 3, 40}) {
        for (const auto select : {Release::Select::kPrivateTopK, Release::Select::kCandidates}) {
          const Release train{.select = Release::Select::kPlanSupport, .wire = wire};
          const Release growth{.select = select, .wire = wire};
          RoundPlan plan;
          plan.values = std::make_shared<const ModelState>(subject.state.clone());
          plan.mask = std::make_shared<const Mask>(mask);
          TrainTask task;
          task.release = train;
          const ParamId tensor = mask.elements().begin()->first;
          plan.tasks = {task, GrowthTask{.tensors = {tensor}}};
          const std::vector<ReportBlock> blocks = report_blocks(plan, *subject.model);
          Report report(blocks);
          release_difference({train, &mask, 3, {}, 0}, "train/delta/", after, subject.state.base, report);
          std::vector<std::uint32_t> positions = select == Release::Select::kCandidates
                                                     ? growth_candidates(mask, tensor, count, {})
                                                     : largest_dropped(after.floats(tensor), mask.bits(tensor), count);
          std::vector<float> values;
          for (const std::uint32_t position : positions) values.push_back(after.floats(tensor)[position]);
          release_entries({growth, &mask, 3, {}, 0}, "growth/" + layout[tensor].name, 0, std::move(positions), std::move(values), report);
          report.add_scalar("train/loss", 0.5);
          Envelope envelope;
          envelope.kind = MessageKind::kReport;
          envelope.mask_digest = mask.digest();
          for (const ReportEntry& entry : report.entries())
            envelope.blocks.push_back(wire_block(blocks[entry.block], entry));
          EXPECT_EQ(report_bytes(report, blocks), encode(envelope).size()) << subject.name << " " << count;
        }
      }
    }
  }
}

}  // namespace
}  // namespace coppice::test
