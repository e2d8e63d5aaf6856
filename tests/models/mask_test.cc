#include "models/mask.h"

#include <cmath>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/random_structure.h"

namespace coppice {
namespace {

std::vector<std::uint8_t> random_groups(const PrunableStructure& structure, std::mt19937& random) {
  std::vector<std::uint8_t> kept(structure.groups.size());
  for (std::uint8_t& flag : kept) flag = random() % 3 != 0;
  return kept;
}

Mask random_elements(const RandomStructure& r, std::mt19937& random) {
  std::map<ParamId, Bits> elements;
  for (const PatternMatrix& matrix : r.structure.matrices) {
    if (random() % 4 == 0) continue;
    Bits bits((*r.layout)[matrix.tensor].numel, true);
    for (std::int64_t i = 0; i < bits.size(); ++i) bits.set(i, random() % 2 == 0);
    elements.emplace(matrix.tensor, bits);
  }
  return Mask::of_elements(r.layout, r.structure, elements);
}

// Groups, elements, or both.
Mask random_mask(const RandomStructure& r, std::mt19937& random) {
  const Mask groups = Mask::of_groups(r.layout, r.structure, random_groups(r.structure, random));
  switch (random() % 3) {
    case 0:
      return groups;
    case 1:
      return random_elements(r, random);
    default:
      return groups & random_elements(r, random);
  }
}

Arena random_arena(const RandomStructure& r, std::mt19937& random) {
  Arena arena("base", r.layout);
  for (int i = 0; i < r.layout->size(); ++i) {
    for (float& value : arena.floats(i)) value = std::uniform_real_distribution<float>(0.5F, 1.5F)(random);
  }
  return arena;
}

template <class Check>
void for_many_structures(const Check& check) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 60; ++trial) {
    const RandomStructure r = random_structure(random);
    check(r, random);
  }
}

TEST(Mask, OfGroupsDropsExactlyWhatTheSlicesSay) {
  for_many_structures([](const RandomStructure& r, std::mt19937& random) {
    const auto kept = random_groups(r.structure, random);
    const Mask mask = Mask::of_groups(r.layout, r.structure, kept);
    std::int64_t dropped = 0;
    for (int t = 0; t < r.layout->size(); ++t) {
      const auto& shape = (*r.layout)[t].shape;
      for (std::int64_t i = 0; i < (*r.layout)[t].numel; ++i) {
        bool keeps = true;
        for (std::size_t g = 0; g < kept.size(); ++g) {
          if (kept[g] != 0) continue;
          for (const Slice& slice : r.structure.groups[g].slices) {
            if (slice.arena != ArenaId::kBase || slice.tensor != t) continue;
            std::int64_t rest = i, index = 0;
            for (int d = static_cast<int>(shape.size()) - 1; d >= slice.dim; --d) {
              index = rest % shape[static_cast<std::size_t>(d)];
              rest /= shape[static_cast<std::size_t>(d)];
            }
            keeps = keeps && (index < slice.begin || index >= slice.end);
          }
        }
        ASSERT_EQ(mask.keeps_all(t) || mask.bits(t)[i], keeps) << "tensor " << t << " element " << i;
        dropped += keeps ? 0 : 1;
      }
    }
    EXPECT_EQ(mask.total(), r.layout->numel());
    EXPECT_EQ(mask.kept(), r.layout->numel() - dropped);
  });
}

TEST(Mask, WidthsCountKeptUnits) {
  for_many_structures([](const RandomStructure& r, std::mt19937& random) {
    const auto kept = random_groups(r.structure, random);
    const std::vector<std::int64_t> widths = Mask::of_groups(r.layout, r.structure, kept).widths(r.structure);
    ASSERT_EQ(widths.size(), r.structure.families.size());
    for (std::size_t f = 0; f < widths.size(); ++f) EXPECT_EQ(widths[f], kept[2 * f] + kept[2 * f + 1]);
    EXPECT_EQ(Mask(r.layout, r.structure).widths(r.structure), r.structure.full_widths());
  });
}

TEST(Mask, DensityIsOverPrunableTensors) {
  for_many_structures([](const RandomStructure& r, std::mt19937& random) {
    std::set<int> prunable;
    for (const auto& group : r.structure.groups) {
      for (const Slice& slice : group.slices) {
        if (slice.arena == ArenaId::kBase) prunable.insert(slice.tensor);
      }
    }
    for (const auto& matrix : r.structure.matrices) prunable.insert(matrix.tensor);
    const Mask mask = random_mask(r, random);
    double kept = 0.0, all = 0.0;
    for (const int t : prunable) {
      all += static_cast<double>((*r.layout)[t].numel);
      kept += static_cast<double>(mask.keeps_all(t) ? (*r.layout)[t].numel : mask.bits(t).count());
    }
    EXPECT_DOUBLE_EQ(mask.density(), kept / all);
    EXPECT_EQ(Mask(r.layout, r.structure).density(), 1.0);
  });
}

TEST(Mask, AlgebraOfMeet) {
  for_many_structures([](const RandomStructure& r, std::mt19937& random) {
    const Mask a = random_mask(r, random), b = random_mask(r, random), c = random_mask(r, random);
    const Mask all(r.layout, r.structure);
    EXPECT_EQ(a & a, a);
    EXPECT_EQ(a & b, b & a);
    EXPECT_EQ((a & b) & c, a & (b & c));
    EXPECT_EQ(a & all, a);
    EXPECT_EQ(all & a, a);

    const auto x = random_groups(r.structure, random), y = random_groups(r.structure, random);
    std::vector<std::uint8_t> both(x.size());
    for (std::size_t g = 0; g < x.size(); ++g) both[g] = x[g] & y[g];
    EXPECT_EQ(Mask::of_groups(r.layout, r.structure, x) & Mask::of_groups(r.layout, r.structure, y),
              Mask::of_groups(r.layout, r.structure, both));
  });
}

TEST(Mask, ApplyZeroesExactlyTheDroppedAndIsIdempotent) {
  for_many_structures([](const RandomStructure& r, std::mt19937& random) {
    const Mask a = random_mask(r, random), b = random_mask(r, random);
    const Arena original = random_arena(r, random);
    const Arena once = original.clone();
    a.apply_to(once);
    for (int t = 0; t < r.layout->size(); ++t) {
      for (std::size_t i = 0; i < once.floats(t).size(); ++i) {
        const bool keeps = a.keeps_all(t) || a.bits(t)[static_cast<std::int64_t>(i)];
        ASSERT_EQ(once.floats(t)[i], keeps ? original.floats(t)[i] : 0.0F);
      }
    }
    const Arena twice = once.clone();
    a.apply_to(twice);
    EXPECT_EQ(twice.digest(), once.digest());

    const Arena one_after_the_other = once.clone(), at_once = original.clone();
    b.apply_to(one_after_the_other);
    (a & b).apply_to(at_once);
    EXPECT_EQ(one_after_the_other.digest(), at_once.digest());

    Arena narrow("base", r.layout, DType::kBF16), narrow_after("base", r.layout, DType::kBF16);
    narrow.copy_from(original);
    a.apply_to(narrow);
    narrow_after.copy_from(once);
    EXPECT_EQ(narrow.digest(), narrow_after.digest());
  });
}

TEST(Mask, ApplyRefusesAnotherLayout) {
  std::mt19937 random(3);
  const RandomStructure r = random_structure(random);
  auto other = std::make_shared<ArenaLayout>();
  other->add("alone", {4});
  EXPECT_THROW(Mask(r.layout, r.structure).apply_to(Arena("base", other)), Error);
}

TEST(Mask, OneMaskHasOneFormAndOneDigest) {
  for_many_structures([](const RandomStructure& r, std::mt19937& random) {
    const Mask a = random_mask(r, random), b = random_mask(r, random);
    EXPECT_EQ((a & b).digest(), (b & a).digest());
    EXPECT_EQ(a == b, a.digest() == b.digest());

    // Bits that drop nothing, and elements given in another order, leave no trace.
    std::map<ParamId, Bits> full;
    for (const PatternMatrix& matrix : r.structure.matrices)
      full.emplace(matrix.tensor, Bits((*r.layout)[matrix.tensor].numel, true));
    const Mask all(r.layout, r.structure);
    EXPECT_EQ(Mask::of_elements(r.layout, r.structure, full), all);
    EXPECT_EQ(Mask::of_elements(r.layout, r.structure, full).digest(), all.digest());
    EXPECT_EQ(Mask::of_groups(r.layout, r.structure, std::vector<std::uint8_t>(6, 7)).digest(), all.digest());
  });
}

TEST(Mask, DigestSeesGroupsThatOwnNoBaseElement) {
  std::mt19937 random(5);
  RandomStructure r = random_structure(random);
  for (Group& group : r.structure.groups)
    std::erase_if(group.slices, [](const Slice& s) { return s.arena == ArenaId::kBase; });
  std::vector<std::uint8_t> kept(6, 1);
  kept[0] = 0;
  EXPECT_NE(Mask::of_groups(r.layout, r.structure, kept).digest(), Mask(r.layout, r.structure).digest());
}

TEST(Mask, RefusesWhatDoesNotFitTheStructure) {
  std::mt19937 random(6);
  const RandomStructure r = random_structure(random);
  const int outside = r.layout->size() - 1;
  const int matrix = r.structure.matrices[0].tensor;
  EXPECT_THROW(Mask::of_groups(r.layout, r.structure, std::vector<std::uint8_t>(5, 1)), Error);
  EXPECT_THROW(Mask::of_elements(r.layout, r.structure, {{outside, Bits((*r.layout)[outside].numel, true)}}), Error);
  EXPECT_THROW(Mask::of_elements(r.layout, r.structure, {{matrix, Bits((*r.layout)[matrix].numel + 1, true)}}), Error);
  PrunableStructure broken = r.structure;
  broken.groups[0].slices = {{ArenaId::kBase, 0, 0, 0, 1000, true}};
  EXPECT_THROW(Mask::of_groups(r.layout, broken, std::vector<std::uint8_t>(6, 0)), Error);
}

TEST(Mask, WireRoundTrip) {
  for_many_structures([](const RandomStructure& r, std::mt19937& random) {
    const Mask mask = random_mask(r, random);
    const std::vector<Block> blocks = mask.to_blocks();
    EXPECT_EQ(blocks.size(), 1 + mask.elements().size());
    const Mask back = Mask::from_blocks(r.layout, r.structure, blocks);
    EXPECT_EQ(back, mask);
    EXPECT_EQ(back.digest(), mask.digest());
    EXPECT_EQ(back.density(), mask.density());
  });
}

TEST(Mask, FromBlocksRefusesEverythingElse) {
  for_many_structures([](const RandomStructure& r, std::mt19937& random) {
    const Mask mask = Mask::of_groups(r.layout, r.structure, std::vector<std::uint8_t>{0, 1, 1, 1, 1, 1}) &
                      random_elements(r, random);
    const std::vector<Block> blocks = mask.to_blocks();
    const auto refused = [&](const char* why, auto&& change) {
      std::vector<Block> changed = blocks;
      change(changed);
      EXPECT_THROW(Mask::from_blocks(r.layout, r.structure, changed), InputError) << why;
    };
    refused("nothing", [](auto& b) { b.clear(); });
    refused("no groups", [](auto& b) { b.erase(b.begin()); });
    refused("wrong groups name", [](auto& b) { b[0].name = "groups"; });
    refused("unused group bit", [](auto& b) { b[0].values[0] |= std::byte{0x80}; });
    refused("empty groups", [](auto& b) { b[0].values.clear(); });
    refused("groups too long", [](auto& b) { b[0].values.emplace_back(); });
    refused("positions", [](auto& b) { b[0].positions.emplace_back(); });
    refused("dtype", [](auto& b) { b[0].dtype = DType::kI8; });
    refused("layout", [](auto& b) { b[0].layout = Layout::kBitmap; });
    refused("scale", [](auto& b) { b[0].scale = 2.0F; });
    refused("shape", [](auto& b) { b[0].shape = {1, 1}; });
    if (blocks.size() < 2) return;
    refused("repeated tensor", [](auto& b) { b.push_back(b.back()); });
    refused("unknown tensor", [](auto& b) { b.back().name = "mask.bits.nobody"; });
    refused("not prunable", [&](auto& b) { b.back().name = "mask.bits." + (*r.layout)[r.layout->size() - 1].name; });
    refused("cut short", [](auto& b) { b.back().values.pop_back(); });
    if (blocks.size() > 2) refused("out of order", [](auto& b) { std::swap(b[1], b[2]); });
    refused("drops nothing", [&](auto& b) {
      const int tensor = r.layout->find(b.back().name.substr(10));
      b.back().values = Bits((*r.layout)[tensor].numel, true).to_bytes();
    });
    const Mask of_groups = Mask::of_groups(r.layout, r.structure, mask.groups());
    for (std::size_t k = 1; k < blocks.size(); ++k) {
      const int tensor = r.layout->find(blocks[k].name.substr(10));
      if (of_groups.keeps_all(tensor)) continue;
      refused("keeps what the groups drop", [&](auto& b) {
        Bits bits((*r.layout)[tensor].numel, false);
        for (std::int64_t i = 0; i < bits.size(); ++i) bits.set(i, !of_groups.bits(tensor)[i]);
        b[k].values = bits.to_bytes();
      });
      refused("misses a tensor that the groups cut",
              [&](auto& b) { b.erase(b.begin() + static_cast<std::ptrdiff_t>(k)); });
    }
  });
}

}  // namespace
}  // namespace coppice
