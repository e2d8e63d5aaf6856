#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"
#include "algorithms/budget/budget.h"
#include "algorithms/budget/size.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

std::vector<double> random_scores(const Model& model, std::uint32_t salt) {
  std::vector<double> scores = hash_values(static_cast<std::int64_t>(model.structure().groups.size()), salt);
  for (double& score : scores) score = std::abs(score);
  return scores;
}

std::vector<std::int64_t> widths_of(const PrunableStructure& structure, const std::vector<std::uint8_t>& kept) {
  std::vector<std::int64_t> widths(structure.families.size(), 0);
  for (std::size_t g = 0; g < kept.size(); ++g) widths[static_cast<std::size_t>(structure.groups[g].family)] += kept[g];
  return widths;
}

std::int64_t size_of(const Model& model, const BudgetConfig& config, const std::vector<std::int64_t>& widths) {
  const Cost cost = model.cost(widths);
  return config.budget.flops > 0.0 ? cost.macs : cost.params;
}

// Within the budget, floors kept, best units of each family kept, and one unit more would be too much somewhere.
void expect_good_choice(const Subject& subject, const BudgetConfig& config, const std::vector<double>& scores) {
  const PrunableStructure structure = subject.model->structure();
  const std::vector<std::uint8_t> kept = choose_units(*subject.model, scores, config);
  ASSERT_EQ(kept.size(), structure.groups.size());
  const std::vector<std::int64_t> widths = widths_of(structure, kept);
  const double budget = std::max(config.budget.flops, config.budget.params) *
                        static_cast<double>(size_of(*subject.model, config, structure.full_widths()));
  EXPECT_LE(static_cast<double>(size_of(*subject.model, config, widths)), budget) << subject.name;
  bool tight = false;
  for (std::size_t f = 0; f < widths.size(); ++f) {
    const Family& family = structure.families[f];
    EXPECT_GE(widths[f], 1) << subject.name << " " << family.name;
    EXPECT_GE(static_cast<double>(widths[f]) + 1e-9, config.floor * family.num_groups) << family.name;
    EXPECT_LE(static_cast<double>(family.num_groups - widths[f]), config.cap * family.num_groups + 1e-9);
    double worst_kept = 1e300, best_dropped = -1.0;
    for (int g = family.first_group; g < family.first_group + family.num_groups; ++g) {
      const auto at = static_cast<std::size_t>(g);
      (kept[at] ? worst_kept : best_dropped) =
          kept[at] ? std::min(worst_kept, scores[at]) : std::max(best_dropped, scores[at]);
    }
    EXPECT_GE(worst_kept, best_dropped);
    if (widths[f] < family.num_groups) {
      std::vector<std::int64_t> wider = widths;
      for (std::size_t other = 0; other < wider.size(); ++other) {
        const Family& another = structure.families[other];
        const bool together = (config.layout == LayerWidths::kUniform && !family.shared_width.empty() &&
                               another.shared_width == family.shared_width) ||
                              (!family.tied.empty() && another.tied == family.tied);
        EXPECT_TRUE(!together || widths[other] == widths[f]) << family.name;
        wider[other] += other == f || together;
      }
      tight |= static_cast<double>(size_of(*subject.model, config, wider)) > budget;
    }
  }
  EXPECT_TRUE(tight || widths == structure.full_widths()) << subject.name;
}

// Layers alike; those of small_llama() differ.
Subject even_llama() {
  return {"llama, even", make_model(DecoderConfig{.vocab = 20, .dim = 16, .head_dim = 4, .kv_heads = {3, 3},
                                                  .queries_per_kv = {2, 2}, .ffn = {16, 16}}), {}};
}

TEST(UnitBudget, IsMetWithinOneUnitOnEveryModel) {
  std::vector<Subject> all = subjects();
  all.push_back(even_llama());
  for (const Subject& subject : all) {
    for (std::uint32_t salt = 0; salt < 6; ++salt) {
      const std::vector<double> scores = random_scores(*subject.model, salt);
      for (const Allocation allocation : {Allocation::kGlobal, Allocation::kUniform}) {
        for (const double exponent : {0.0, 0.5, 1.0}) {
          // The embedding and head of the language model cannot be cut.
          const double least = subject.name.starts_with("llama") ? 0.6 : 0.35;
          for (const double fraction : {least, 0.8, 1.0}) {
            for (const LayerWidths layout : {LayerWidths::kPerLayer, LayerWidths::kUniform}) {
              if (layout == LayerWidths::kUniform && subject.name == "llama") continue;
              BudgetConfig config{.budget = {.flops = fraction}, .floor = 0.1, .cap = 0.95, .exponent = exponent,
                                  .allocation = allocation, .layout = layout};
              expect_good_choice(subject, config, scores);
              config.budget = {.params = fraction};
              expect_good_choice(subject, config, scores);
            }
          }
        }
      }
    }
  }
}

TEST(UnitBudget, FloorsHoldWhereScoresSayOtherwise) {
  const Subject subject = small_resnet8();
  std::vector<double> scores(subject.model->structure().groups.size(), 1.0);
  std::fill(scores.begin(), scores.begin() + 4, 1e-9);  // the first family is worthless
  for (const double floor : {0.0, 0.25, 0.5}) {
    BudgetConfig config{.budget = {.flops = 0.55}, .floor = floor};
    const auto kept = choose_units(*subject.model, scores, config);
    EXPECT_EQ(std::accumulate(kept.begin(), kept.begin() + 4, 0), std::max(1, static_cast<int>(floor * 4)));
    config.floor = 0.0;
    config.cap = 1.0 - floor;  // the same, said of what is removed
    EXPECT_EQ(choose_units(*subject.model, scores, config), kept);
  }
}

TEST(UnitBudget, UniformKeepsTheSameFractionEverywhere) {
  const Subject subject = small_resnet20();
  const PrunableStructure structure = subject.model->structure();
  const BudgetConfig config{.budget = {.flops = 0.4}, .allocation = Allocation::kUniform};
  const auto widths = widths_of(structure, choose_units(*subject.model, random_scores(*subject.model, 1), config));
  double least = 1.0, most = 0.0;
  for (std::size_t f = 0; f < widths.size(); ++f) {
    const double fraction = static_cast<double>(widths[f]) / structure.families[f].num_groups;
    least = std::min(least, fraction);
    most = std::max(most, fraction);
  }
  EXPECT_LE(most - least, 1.0 / 16.0 + 1e-12);
}

// Where layers are of different worth, each may have its own width; the shapes that other tools load need equal ones.
TEST(UnitBudget, LayoutDecidesWhetherLayersMayDiffer) {
  const Subject subject = even_llama();
  const PrunableStructure structure = subject.model->structure();
  std::vector<double> scores = random_scores(*subject.model, 3);
  const Family* worthless = nullptr;
  for (const Family& family : structure.families) {
    if (worthless == nullptr && family.kind == "neuron") worthless = &family;
  }
  for (int g = 0; g < worthless->num_groups; ++g) scores[static_cast<std::size_t>(worthless->first_group + g)] *= 1e-6;
  BudgetConfig config{.budget = {.params = 0.85}, .layout = LayerWidths::kPerLayer};
  const auto of_kind = [&](const std::vector<std::int64_t>& widths) {
    std::set<std::int64_t> found;
    for (std::size_t f = 0; f < widths.size(); ++f) {
      if (structure.families[f].kind == "neuron") found.insert(widths[f]);
    }
    return found;
  };
  const std::vector<std::uint8_t> own = choose_units(*subject.model, scores, config);
  EXPECT_GT(of_kind(widths_of(structure, own)).size(), 1U);
  config.layout = LayerWidths::kUniform;
  EXPECT_EQ(of_kind(widths_of(structure, choose_units(*subject.model, scores, config))).size(), 1U);

  const auto narrowed = make_model(subject.model->sliced_config(own));
  const std::vector<double> rest(narrowed->structure().groups.size(), 1.0);
  config.budget.params = 0.95;
  EXPECT_THROW(choose_units(*narrowed, rest, config), InputError);
  config.layout = LayerWidths::kPerLayer;
  EXPECT_NO_THROW(choose_units(*narrowed, rest, config));
}

// With exponent 1 a unit that saves more goes first; with 0 savings are ignored.
TEST(UnitBudget, SavingsCountByTheExponent) {
  const Subject subject =
      small_mlp();  // neurons of layers.0 save 10 + 8 products, of layers.1 16 + 12, of layers.2 8 + 4
  std::vector<double> scores(36, 1.0);
  const auto first_gone = [&](double exponent) {
    const BudgetConfig config{.budget = {.flops = 0.999}, .floor = 0.0, .exponent = exponent};
    const auto kept = choose_units(*subject.model, scores, config);
    return std::find(kept.begin(), kept.end(), 0) - kept.begin();
  };
  EXPECT_EQ(first_gone(1.0), 16 + 7);
  EXPECT_EQ(first_gone(0.0), 15);
}

TEST(UnitBudget, TiesKeepTheLowerIndex) {
  const Subject subject = small_mlp();
  const BudgetConfig config{.budget = {.params = 0.5}, .floor = 0.2};
  const auto kept = choose_units(*subject.model, std::vector<double>(36, 1.0), config);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.begin() + 16, std::greater<>()));
  EXPECT_TRUE(std::is_sorted(kept.begin() + 16, kept.begin() + 24, std::greater<>()));
  EXPECT_TRUE(std::is_sorted(kept.begin() + 24, kept.end(), std::greater<>()));
}

TEST(UnitBudget, KindsThatAreNotNamedLoseNothing) {
  const Subject subject = even_llama();
  const PrunableStructure structure = subject.model->structure();
  BudgetConfig config{.budget = {.params = 0.8}, .units = {"neuron"}};
  const auto widths = widths_of(structure, choose_units(*subject.model, random_scores(*subject.model, 5), config));
  for (std::size_t f = 0; f < widths.size(); ++f) {
    const bool whole = widths[f] == structure.families[f].num_groups;
    EXPECT_EQ(whole, structure.families[f].kind != "neuron");
  }
}

// A Llama's heads, here two for every KV group, must divide its width.
TEST(UnitBudget, WidthsThatAnotherToolRefusesArePassedOver) {
  const auto llama = [](std::int64_t dim) {
    return make_model(DecoderConfig{.vocab = 20, .dim = dim, .head_dim = 4, .kv_heads = {5, 5}, .queries_per_kv = {2, 2}, .ffn = {8, 8}});
  };
  const auto widths_at = [&](std::int64_t dim, LayerWidths layout) {
    const auto model = llama(dim);
    const std::vector<double> equal(model->structure().groups.size(), 1.0);
    std::set<std::int64_t> seen;
    for (double fraction = 1.0; fraction > 0.55; fraction -= 0.005) {
      const BudgetConfig config{.budget = {.params = fraction}, .floor = 0.0, .units = {"kv_group"}, .layout = layout};
      try {
        seen.insert(widths_of(model->structure(), choose_units(*model, equal, config)).front());
      } catch (const InputError&) {
        break;
      }
    }
    return seen;
  };
  // 40 / 2 = 20 is divided by 5, 4, 2 and 1, not by 3.
  EXPECT_EQ(widths_at(40, LayerWidths::kUniform), (std::set<std::int64_t>{5, 4, 2, 1}));
  EXPECT_EQ(widths_at(40, LayerWidths::kPerLayer), (std::set<std::int64_t>{5, 4, 3, 2, 1}));
}

TEST(UnitBudget, ProtectedLayersLoseNothing) {
  const Subject layers = llama_layers();
  const std::vector<double> scores = {0.1, 0.2, 0.3};
  BudgetConfig config{.budget = {.params = 0.8}, .protect = {.first = 1}};
  EXPECT_EQ(choose_units(*layers.model, scores, config), (std::vector<std::uint8_t>{1, 0, 1}));
  config.protect = {.first = 1, .last = 2};
  EXPECT_THROW(choose_units(*layers.model, scores, config), InputError);

  const Subject parts = even_llama();
  const PrunableStructure structure = parts.model->structure();
  config = {.budget = {.params = 0.9}, .protect = {.last = 1}, .layout = LayerWidths::kPerLayer};
  const auto widths = widths_of(structure, choose_units(*parts.model, random_scores(*parts.model, 2), config));
  EXPECT_EQ(widths[2], structure.families[2].num_groups);  // of the second layer
  EXPECT_EQ(widths[3], structure.families[3].num_groups);
  config.layout = LayerWidths::kUniform;
  EXPECT_THROW(choose_units(*parts.model, random_scores(*parts.model, 2), config), InputError);
  EXPECT_THROW(choose_units(*small_cnn().model, std::vector<double>(24, 1.0), config), InputError);
}

// What an earlier cut removed stays removed, and the rest is as if there had been one cut by the later scores.
TEST(UnitBudget, UnitsThatAreGoneGoFirst) {
  for (const Subject& subject : {small_resnet8(), even_llama(), llama_layers(), llama_query_heads()}) {
    for (const Allocation allocation : {Allocation::kGlobal, Allocation::kUniform}) {
      BudgetConfig config{.budget = {.params = 0.9}, .allocation = allocation};
      const auto first = choose_units(*subject.model, random_scores(*subject.model, 1), config);
      std::vector<double> later = random_scores(*subject.model, 2);
      for (std::size_t g = 0; g < first.size(); ++g) later[g] = first[g] != 0 ? later[g] : kGone;
      EXPECT_EQ(choose_units(*subject.model, later, config), first) << subject.name;
      config.budget.params = 0.7;
      const auto second = choose_units(*subject.model, later, config);
      for (std::size_t g = 0; g < first.size(); ++g) EXPECT_LE(second[g], first[g]) << subject.name;
    }
  }
}

TEST(UnitBudget, TheOutlookSaysWhatGoesAtOnce) {
  const Subject layers = llama_layers();
  BudgetOutlook outlook = budget_outlook(*layers.model, {.budget = {.params = 0.8}});
  const std::int64_t layer = 16 * (2 * 16 + 2 * 8) + 3 * 16 * 12 + 2 * 16, rest = 2 * 20 * 16 + 16;
  EXPECT_EQ(outlook.full, 3 * layer + rest);
  ASSERT_EQ(outlook.units.size(), 1U);
  EXPECT_EQ(outlook.units[0], (BudgetOutlook::Unit{.kind = "layer", .width = 3, .smallest_width = 1, .saving = layer}));
  EXPECT_EQ(outlook.smallest, layer + rest);
  EXPECT_EQ(outlook.within, 2 * layer + rest);
  EXPECT_EQ(outlook.above, outlook.full);

  // One query head of 4 x 16 rows of q and columns of o in each of four KV groups.
  outlook = budget_outlook(*llama_query_heads().model, {.budget = {.params = 0.95}, .units = {"query_head"}});
  ASSERT_EQ(outlook.units.size(), 1U);
  EXPECT_EQ(outlook.units[0].saving, 4 * 2 * 4 * 16);
  EXPECT_EQ(outlook.units[0].together, 4 * (3 - 2));
}

TEST(UnitBudget, AnImpossibleOneNamesTheSmallestReachable) {
  const Subject subject = small_mlp();
  const std::vector<double> scores = random_scores(*subject.model, 1);
  const BudgetConfig config{.budget = {.flops = 0.2}, .floor = 0.5};
  // Halved widths 8, 4, 6: 10*8 + 8*4 + 4*6 + 6*4 = 160 of 432 products.
  try {
    choose_units(*subject.model, scores, config);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              "budget: found flops 0.2; the smallest reachable is 37.0 % of the multiply-adds with floor 0.5 and cap 1");
  }
  BudgetConfig just_enough = config;
  just_enough.budget.flops = 160.0 / 432.0 + 1e-12;
  EXPECT_EQ(widths_of(subject.model->structure(), choose_units(*subject.model, scores, just_enough)),
            (std::vector<std::int64_t>{8, 4, 6}));
}

TEST(UnitBudget, BytesAreThoseOfWhatIsLeft) {
  for (const Subject& subject : subjects()) {
    const PrunableStructure structure = subject.model->structure();
    const SizeMeasure bytes({.budget = {.bytes = 0.5}}, *subject.model, structure, {});
    for (std::uint32_t salt = 0; salt < 4; ++salt) {
      std::vector<std::uint8_t> kept(structure.groups.size(), 1);
      const std::vector<double> draws = random_scores(*subject.model, salt);
      for (std::size_t g = 0; g < kept.size(); ++g) kept[g] = structure.groups[g].unit == 0 || draws[g] < 0.3 ? 1 : 0;
      for (std::size_t g = 0; g < kept.size(); ++g) {  // tied families keep equally many
        const Family& family = structure.families[static_cast<std::size_t>(structure.groups[g].family)];
        if (!family.tied.empty()) kept[g] = 1;
      }
      const auto smaller = make_model(subject.model->sliced_config(kept));
      std::int64_t values = 0;
      for (const auto& layout : {smaller->base_layout(), smaller->moments_layout()}) {
        for (const ArenaEntry& entry : layout->entries()) values += entry.numel;
      }
      EXPECT_EQ(bytes.of(widths_of(structure, kept)), 4 * values) << subject.name;
    }
  }
}

// Each unit of the first family takes 10 ns, each of the others 1; 100 ns are nobody's.
BudgetConfig by_made_up_times(const PrunableStructure& structure, double fraction) {
  LatencyTable table{.full_ns = 100};
  for (std::size_t f = 0; f < structure.families.size(); ++f) {
    table.full_ns += structure.families[f].num_groups * (f == 0 ? 10 : 1);
  }
  for (std::size_t f = 0; f < structure.families.size(); ++f) {
    const std::int64_t width = structure.families[f].num_groups, each = f == 0 ? 10 : 1;
    table.bundles.push_back({structure.families[f].name, {width, width / 2, 1},
                             {table.full_ns, table.full_ns - each * (width - width / 2), table.full_ns - each * (width - 1)}});
  }
  return {.budget = {.latency = fraction}, .layout = LayerWidths::kPerLayer, .latencies = std::make_shared<const LatencyTable>(table)};
}

TEST(UnitBudget, TimesAreCountedByTheirTable) {
  const Subject subject = small_mlp();
  const PrunableStructure structure = subject.model->structure();
  const std::vector<double> scores = random_scores(*subject.model, 3);
  for (const double fraction : {0.9, 0.7, 0.55}) {
    const BudgetConfig config = by_made_up_times(structure, fraction);
    const std::vector<std::int64_t> widths = widths_of(structure, choose_units(*subject.model, scores, config));
    std::int64_t ns = 100;
    for (std::size_t f = 0; f < widths.size(); ++f) ns += widths[f] * (f == 0 ? 10 : 1);
    EXPECT_EQ(SizeMeasure(config, *subject.model, structure, {}).of(widths), ns);
    EXPECT_LE(static_cast<double>(ns), fraction * static_cast<double>(config.latencies->full_ns));
    EXPECT_LT(widths[0], structure.families[0].num_groups);  // where time is saved
  }
  EXPECT_THROW(choose_units(*subject.model, scores, by_made_up_times(structure, 0.2)), InputError);  // 100 ns stay
}

TEST(UnitBudget, WhatIsSavedTogetherIsLessThanTheSum) {
  LatencyTable table{.full_ns = 1000, .bundles = {{"a", {10, 5}, {1000, 700}}, {"b", {4, 2}, {1000, 900}}}, .joints = {{200, 100}, {400, 250}}};
  EXPECT_EQ(table.saving(0, 10), 0);
  EXPECT_EQ(table.saving(0, 9), 60);
  EXPECT_EQ(table.saving(0, 1), 300);
  EXPECT_EQ(table.time(0), 1000);
  EXPECT_EQ(table.time(100), 950);
  EXPECT_EQ(table.time(300), 825);
  EXPECT_EQ(table.time(450), 700);
}

TEST(UnitBudget, ATableOfAnotherModelIsRefused) {
  const Subject subject = small_mlp();
  const PrunableStructure structure = subject.model->structure();
  const std::vector<double> scores = random_scores(*subject.model, 3);
  EXPECT_THROW(choose_units(*subject.model, scores, {.budget = {.latency = 0.5}}), InputError);
  BudgetConfig config = by_made_up_times(structure, 0.7);
  LatencyTable table = *config.latencies;
  table.bundles.pop_back();
  config.latencies = std::make_shared<const LatencyTable>(table);
  EXPECT_THROW(choose_units(*subject.model, scores, config), InputError);
  EXPECT_THROW(choose_units(*small_cnn().model, random_scores(*small_cnn().model, 1), by_made_up_times(structure, 0.7)), InputError);
}

TEST(UnitBudget, BadConfigsAreRefused) {
  const Subject subject = small_mlp();
  const std::vector<double> scores = random_scores(*subject.model, 1);
  EXPECT_THROW(choose_units(*subject.model, scores, {}), InputError);
  EXPECT_THROW(choose_units(*subject.model, scores, {.budget = {.flops = 0.5, .params = 0.5}}), InputError);
  EXPECT_THROW(choose_units(*subject.model, scores, {.budget = {.density = 0.5}}), InputError);
  EXPECT_THROW(choose_units(*subject.model, scores, {.budget = {.flops = 0.5}, .allocation = Allocation::kErk}),
               InputError);
  std::vector<double> broken = scores;
  broken[3] = std::nan("");
  EXPECT_THROW(choose_units(*subject.model, broken, {.budget = {.flops = 0.5}}), InputError);
  broken.pop_back();
  EXPECT_THROW(choose_units(*subject.model, broken, {.budget = {.flops = 0.5}}), Error);
}

}  // namespace
}  // namespace coppice::test
