// Plans from outside: whatever the bytes say, an InputError or a plan comes out.
#include <functional>

#include <gtest/gtest.h>

#include "core/error.h"
#include "comm/wire/wire.h"
#include "algorithms/exchange/plan_codec.h"
#include "algorithms/exchange/report_blocks.h"
#include "tests/algorithms/exchange/plans.h"

namespace coppice::test {
namespace {

Envelope envelope_of(const Subject& subject) {
  PlanCache fresh;
  return encode_plan(rich_plan(subject, 5), fresh);
}

bool accepted(const Envelope& envelope) {
  PlanCache fresh;
  try {
    const RoundPlan plan = decode_plan(envelope, fresh);
    report_blocks(plan, *make_model(plan.values->config));
    return true;
  } catch (const InputError&) {
    return false;
  }
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in\n" << text;
  text.replace(at, from.size(), to);
}

TEST(MutatedPlan, EveryNeededBlockIsNeededAsItIs) {
  const Envelope whole = envelope_of(small_resnet8());
  ASSERT_TRUE(accepted(whole));
  const std::vector<std::function<void(Block&)>> mutations = {
      [](Block& b) { b.name += "x"; },
      [](Block& b) { b.dtype = b.dtype == DType::kI32 ? DType::kF32 : DType::kI32; },
      [](Block& b) { b.shape.push_back(2); },
      [](Block& b) { b.values.resize(b.values.size() / 2); },
      [](Block& b) { b.values.clear(); },
      [](Block& b) { b.values.resize(b.values.size() + 8); },
      [](Block& b) { b.layout = b.layout == Layout::kDense ? Layout::kOnSupport : Layout::kDense; },
  };
  for (std::size_t i = 0; i < whole.blocks.size(); ++i) {
    if (whole.blocks[i].name.starts_with("reference/")) continue;  // which a plan may do without
    Envelope less = whole;
    less.blocks.erase(less.blocks.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(accepted(less)) << whole.blocks[i].name;
    for (std::size_t m = 0; m < mutations.size(); ++m) {
      Envelope other = whole;
      mutations[m](other.blocks[i]);
      EXPECT_FALSE(accepted(other)) << whole.blocks[i].name << ", mutation " << m;
    }
  }
}

TEST(MutatedPlan, SettingsOutsideTheirRangeAreRefused) {
  const Envelope whole = envelope_of(small_mlp());
  const auto refused = [&](std::string_view from, std::string_view to) {
    Envelope other = whole;
    replace(other.body, from, to);
    EXPECT_FALSE(accepted(other)) << from << " -> " << to;
  };
  refused("seed_round: 4000000000", "seed_round: 5000000000");
  refused("-7", "-4294967303");
  refused("tensors: [0]", "tensors: [64]");
  refused("tensors: [0]", "tensors: [-1]");
  refused("cohort: [0", "cohort: [-5");
  refused("stage:", "stages:");
  refused("scaffold: false", "scaffold: true");  // with AdamW
  refused("select: plan_support", "select: private_top_k");  // of training without zerofl

  Envelope report = whole;
  report.kind = MessageKind::kReport;
  EXPECT_FALSE(accepted(report));
  Envelope other_mask = whole;
  other_mask.mask_digest.bytes[0] ^= 1U;
  EXPECT_FALSE(accepted(other_mask));
  Envelope narrow = whole;
  for (Block& block : narrow.blocks) {
    if (block.name == kAgreementReference) block.dtype = DType::kI8;
  }
  EXPECT_FALSE(accepted(narrow));
}

TEST(MutatedPlan, AHugeModelIsRefusedBeforeAnythingOfItsSizeIsMade) {
  Envelope whole = envelope_of(small_mlp());
  RoundPlan plan = rich_plan(small_mlp(), 5);
  plan.mask = nullptr;
  plan.variants.clear();
  PlanCache fresh;
  whole = encode_plan(plan, fresh);
  const std::size_t at = whole.body.find("[16");
  ASSERT_NE(at, std::string::npos) << whole.body;
  whole.body.replace(at, 3, "[1048576, 1048576, 16");
  EXPECT_FALSE(accepted(whole));
}

TEST(MutatedPlan, RandomBytesAreRefusedOrRead) {
  const Envelope whole = envelope_of(small_mlp());
  const std::vector<std::byte> frame = encode(whole);
  Stream stream(Seed{.run = 99}, Purpose::kTest);
  int refused = 0;
  for (int i = 0; i < 1500; ++i) {
    std::vector<std::byte> bytes = frame;
    for (std::uint64_t n = stream.below(4) + 1; n > 0; --n) {
      bytes[stream.below(bytes.size())] = static_cast<std::byte>(stream.below(256));
    }
    try {
      refused += accepted(decode(bytes)) ? 0 : 1;
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
  refused = 0;
  for (int i = 0; i < 1500; ++i) {
    Envelope other = whole;
    for (std::uint64_t n = stream.below(3) + 1; n > 0; --n) {
      const std::size_t at = stream.below(other.body.size());
      switch (stream.below(3)) {
        case 0:
          other.body[at] = static_cast<char>(stream.below(256));
          break;
        case 1:
          other.body.erase(at, stream.below(20));
          break;
        default:
          other.body.insert(at, other.body.substr(stream.below(other.body.size()), stream.below(20)));
      }
    }
    refused += accepted(other) ? 0 : 1;
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace coppice::test
