#include "algorithms/exchange/plan_codec.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "comm/wire/wire.h"
#include "core/error.h"
#include "tests/algorithms/exchange/plans.h"
#include "tests/algorithms/training/goldens.h"

namespace coppice::test {
namespace {

using MaskPtr = std::shared_ptr<const Mask>;

int blocks_named(const Envelope& envelope, std::string_view prefix) {
  return static_cast<int>(std::count_if(envelope.blocks.begin(), envelope.blocks.end(),
                                        [&](const Block& block) { return block.name.starts_with(prefix); }));
}

RoundPlan through_the_wire(const RoundPlan& plan, PlanCache& sender, PlanCache& receiver) {
  return decode_plan(decode(encode(encode_plan(plan, sender))), receiver);
}

void expect_same_masks(const MaskPtr& found, const MaskPtr& expected) {
  ASSERT_EQ(found != nullptr, expected != nullptr);
  if (expected) {
    EXPECT_TRUE(*found == *expected);
  }
}

TEST(PlanCodec, WhatArrivesIsWhatWasSent) {
  for (const Subject& subject : subjects()) {
    const RoundPlan plan = rich_plan(subject, 5);
    PlanCache sender, receiver;
    const RoundPlan got = through_the_wire(plan, sender, receiver);
    EXPECT_EQ(got.run_id, plan.run_id);
    EXPECT_EQ(got.id, plan.id);
    EXPECT_EQ(got.stage, plan.stage);
    EXPECT_EQ(got.round, plan.round);
    EXPECT_EQ(got.seed, plan.seed);
    EXPECT_EQ(got.cohort, plan.cohort);
    EXPECT_EQ(got.loss, plan.loss);
    EXPECT_EQ(got.values->digest(), plan.values->digest());
    EXPECT_EQ(got.exponents, plan.exponents);
    EXPECT_EQ(got.store_versions, plan.store_versions);
    EXPECT_EQ(got.probe, plan.probe);
    EXPECT_EQ(got.individual_reports, plan.individual_reports);
    expect_same_masks(got.mask, plan.mask);
    ASSERT_EQ(got.variants.size(), plan.variants.size());
    for (std::size_t i = 0; i < got.variants.size(); ++i) {
      EXPECT_EQ(got.variants[i].name, plan.variants[i].name);
      expect_same_masks(got.variants[i].mask, plan.variants[i].mask);
      ASSERT_EQ(got.variants[i].moments != nullptr, plan.variants[i].moments != nullptr);
      if (plan.variants[i].moments) {
        EXPECT_EQ(got.variants[i].moments->digest(), plan.variants[i].moments->digest());
      }
    }
    EXPECT_EQ(got.references.at(kAgreementReference).values, plan.references.at(kAgreementReference).values);
    ASSERT_EQ(got.tasks.size(), plan.tasks.size());
    const auto& train = std::get<TrainTask>(got.tasks[0]);
    EXPECT_EQ(std::get<AdamWConfig>(train.optimizer).weight_decay, 1.0 / 3.0);
    EXPECT_EQ(train.lr_scale, 2.0 / 3.0);
    EXPECT_EQ(train.release.wire, Release::Wire::kI8);
    EXPECT_EQ(std::get<GrowthTask>(got.tasks[5]).tensors, std::vector<std::int64_t>{0});

    // All that is left, settings of every task included: the same plan writes the same bytes.
    PlanCache empty, again;
    EXPECT_EQ(encode(encode_plan(got, empty)), encode(encode_plan(plan, again)));
  }
}

TEST(PlanCodec, AssignmentsArriveWhereEveryClientHasAVariantWithAMask) {
  const Subject subject = small_resnet8();
  RoundPlan plan = rich_plan(subject, 5);
  auto& train = std::get<TrainTask>(plan.tasks[0]);
  train.extrusion = ExtrusionTask{.tensors = {0}, .counts = {3}, .lambda = 0.5};
  train.activations = 0.25;
  const auto arrives = [&] {
    PlanCache sender, receiver;
    return through_the_wire(plan, sender, receiver);
  };
  plan.assignment = {{0, 0}, {3, 2}, {17, 0}};
  const RoundPlan got = arrives();
  EXPECT_EQ(got.assignment, plan.assignment);
  EXPECT_EQ(std::get<TrainTask>(got.tasks[0]).extrusion->counts, std::vector<std::int64_t>{3});
  EXPECT_EQ(std::get<TrainTask>(got.tasks[0]).activations, 0.25);
  plan.assignment = {{0, 0}, {3, 2}};
  EXPECT_THROW(arrives(), InputError) << "a client without one";
  plan.assignment = {{0, 0}, {3, 1}, {17, 0}};
  EXPECT_THROW(arrives(), InputError) << "a variant without a mask";
  plan.assignment = {{0, 0}, {3, 3}, {17, 0}};
  EXPECT_THROW(arrives(), InputError) << "no such variant";
  plan.assignment.clear();
  train.extrusion->counts.clear();
  EXPECT_THROW(arrives(), InputError) << "counts for other tensors";
}

TEST(PlanCodec, FrozenModelsTravelOnce) {
  const Subject subject = small_resnet8();
  RoundPlan plan = rich_plan(subject, 5);
  plan.frozen = plan.values->digest();
  plan.teacher = frozen(std::make_shared<const ModelState>(subject.state.clone()));
  PlanCache sender, receiver, stranger;
  for (const bool first : {true, false}) {
    const Envelope envelope = encode_plan(plan, sender);
    EXPECT_EQ(blocks_named(envelope, "base/") > 0, first);
    EXPECT_EQ(blocks_named(envelope, "teacher/") > 0, first);
    const RoundPlan got = decode_plan(decode(encode(envelope)), receiver);
    EXPECT_EQ(got.values->digest(), plan.values->digest());
    EXPECT_EQ(got.frozen, plan.frozen);
    EXPECT_EQ(got.teacher.values->digest(), plan.teacher.digest);
    EXPECT_EQ(got.teacher.digest, plan.teacher.digest);
    if (!first) {
      EXPECT_THROW(decode_plan(envelope, stranger), InputError);
    }
  }
  const auto values = static_cast<std::uint64_t>(subject.model->base_layout()->numel() + plan.mask->kept()) * 4;
  EXPECT_GT(plan_bytes(plan, plan.mask, false), plan_bytes(plan, plan.mask, true) + values);
  PlanCache nothing;
  plan.frozen = plan.teacher.digest;
  EXPECT_THROW(decode_plan(encode_plan(plan, nothing), stranger), InputError) << "a model under another's digest";
}

TEST(PlanCodec, PersonalPlansBringWhereTheyBegan) {
  const Subject subject = small_resnet8();
  RoundPlan plan;
  plan.cohort = {0, 3};
  plan.values = std::make_shared<const ModelState>(subject.state.clone());
  ModelState begin = subject.state.clone();
  begin.base.floats(0)[0] += 1.0F;
  plan.origin = frozen(std::make_shared<const ModelState>(std::move(begin)));
  plan.personal = true;
  plan.store_versions = {{3, 17}};
  TrainTask sent;
  sent.loss_drop = true;
  sent.lottery = LotteryTask{.start_accuracy = 0.25, .rate = 0.3, .density = 0.05};
  plan.tasks.emplace_back(sent);
  PlanCache sender, receiver;
  for (const bool first : {true, false}) {
    const Envelope envelope = encode_plan(plan, sender);
    EXPECT_EQ(blocks_named(envelope, "origin/") > 0, first);
    const RoundPlan got = decode_plan(decode(encode(envelope)), receiver);
    EXPECT_TRUE(got.personal);
    EXPECT_EQ(got.origin.values->digest(), plan.origin.digest);
    EXPECT_EQ(got.store_versions, plan.store_versions);
    const auto& task = std::get<TrainTask>(got.tasks.at(0));
    EXPECT_TRUE(task.loss_drop);
    EXPECT_EQ(task.lottery->start_accuracy, 0.25);
    EXPECT_EQ(task.lottery->rate, 0.3);
    EXPECT_EQ(task.lottery->density, 0.05);
  }
  const auto values = static_cast<std::uint64_t>(subject.model->base_layout()->numel()) * 4;
  EXPECT_GT(plan_bytes(plan, nullptr, false), plan_bytes(plan, nullptr, true) + values);
  plan.personal = false;
  EXPECT_THROW(decode_plan(encode_plan(plan, sender), receiver), InputError) << "a ticket of a shared mask";
}

TEST(PlanCodec, AMaskTravelsOnceAndThenAsItsFlips) {
  const Subject subject = small_cnn();
  RoundPlan plan = rich_plan(subject, 5);
  plan.variants.clear();
  PlanCache sender, receiver;
  const Envelope whole = encode_plan(plan, sender);
  EXPECT_GT(blocks_named(whole, "mask/"), 0);
  decode_plan(whole, receiver);

  const Envelope cached = encode_plan(plan, sender);
  EXPECT_EQ(blocks_named(cached, "mask"), 0);
  expect_same_masks(decode_plan(cached, receiver).mask, plan.mask);
  PlanCache stranger;
  EXPECT_THROW(decode_plan(cached, stranger), InputError);

  std::map<ParamId, Bits> elements = plan.mask->elements();
  Bits& bits = elements.rbegin()->second;
  bits.set(1, !bits[1]);
  plan.mask = std::make_shared<const Mask>(
      Mask::of_elements(subject.model->base_layout(), subject.model->structure(), std::move(elements)));
  plan.mask->apply_to(plan.values->base);
  const Envelope flips = encode_plan(plan, sender);
  EXPECT_EQ(blocks_named(flips, "mask/"), 0);
  EXPECT_GT(blocks_named(flips, "mask-delta/"), 0);
  EXPECT_LT(encode(flips).size(), encode(whole).size());
  EXPECT_THROW(decode_plan(flips, stranger), InputError);
  const RoundPlan got = decode_plan(flips, receiver);
  expect_same_masks(got.mask, plan.mask);
  EXPECT_EQ(got.values->digest(), plan.values->digest());
}

TEST(PlanCodec, DroppedValuesDoNotTravel) {
  const Subject subject = small_mlp();
  RoundPlan plan = rich_plan(subject, 5);
  plan.variants.clear();
  plan.values = std::make_shared<const ModelState>(subject.state.clone());
  fill_from_hash(plan.values->base, 9);
  PlanCache sender, receiver;
  const RoundPlan got = through_the_wire(plan, sender, receiver);
  Arena expected = plan.values->base.clone();
  EXPECT_NE(got.values->base.digest(), expected.digest());
  plan.mask->apply_to(expected);
  EXPECT_EQ(got.values->base.digest(), expected.digest());
}

TEST(PlanCodec, BytesAreCountedAsTheWireCarriesThem) {
  for (const Subject& subject : subjects()) {
    const RoundPlan plan = rich_plan(subject, 5);
    RoundPlan bare = plan;
    bare.mask = nullptr;
    bare.variants.clear();
    RoundPlan twice = plan;  // one new mask under two names
    twice.variants.push_back({"d", twice.variants[0].mask, nullptr});
    const auto older = std::make_shared<const Mask>(element_mask(*subject.model, 21));
    for (const RoundPlan* sent : {&plan, static_cast<const RoundPlan*>(&bare), static_cast<const RoundPlan*>(&twice)}) {
      for (const MaskPtr& held : {MaskPtr(), plan.mask, older, plan.variants[0].mask}) {
        PlanCache known;
        if (held) known.add(held);
        EXPECT_EQ(plan_bytes(*sent, held), encode(encode_plan(*sent, known)).size()) << subject.name;
      }
    }
  }
}

}  // namespace
}  // namespace coppice::test
