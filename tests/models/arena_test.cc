#include "models/arena.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

std::shared_ptr<ArenaLayout> random_layout(std::mt19937& random) {
  auto layout = std::make_shared<ArenaLayout>();
  const int tensors = 1 + static_cast<int>(random() % 6);
  for (int i = 0; i < tensors; ++i) {
    std::vector<std::int64_t> shape;
    for (std::uint32_t dims = random() % 5; dims > 0; --dims) shape.push_back(static_cast<std::int64_t>(random() % 6));
    layout->add("t" + std::to_string(i), shape);
  }
  return layout;
}

void randomise(const Arena& arena, std::mt19937& random) {
  std::normal_distribution<float> normal;
  for (int i = 0; i < arena.layout().size(); ++i) {
    for (float& value : arena.floats(i)) value = normal(random);
  }
}

bool padding_is_zero(const Arena& arena) {
  std::vector<bool> inside(arena.floats().size(), false);
  for (const ArenaEntry& entry : arena.layout().entries()) {
    std::fill_n(inside.begin() + entry.offset, entry.numel, true);
  }
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (!inside[i] && arena.floats()[i] != 0.0F) return false;
  }
  return true;
}

TEST(ArenaLayout, EntriesAreAlignedAndDoNotOverlap) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 100; ++trial) {
    const auto layout = random_layout(random);
    std::int64_t end = 0, numel = 0;
    for (int i = 0; i < layout->size(); ++i) {
      const ArenaEntry& entry = (*layout)[i];
      EXPECT_EQ(entry.offset % kArenaAlignment, 0);
      EXPECT_GE(entry.offset, end);
      EXPECT_EQ(layout->find(entry.name), i);
      end = entry.offset + entry.numel;
      numel += entry.numel;
    }
    EXPECT_GE(layout->padded_numel(), end);
    EXPECT_EQ(layout->numel(), numel);
  }
}

TEST(ArenaLayout, RefusesDuplicatesNegativeAndHugeSizes) {
  ArenaLayout layout;
  layout.add("a", {2, 3});
  EXPECT_THROW(layout.add("a", {1}), Error);
  EXPECT_THROW(layout.add("b", {2, -1}), Error);
  EXPECT_THROW(layout.add("b", {std::int64_t{1} << 41}), InputError);
  EXPECT_THROW(layout.add("b", {std::int64_t{1} << 40, std::int64_t{1} << 40}), InputError);
  EXPECT_EQ(layout.size(), 1);
  EXPECT_EQ(layout.find("b"), -1);
}

TEST(ArenaLayout, EqualityIsNamesAndShapes) {
  ArenaLayout a, same, renamed, reshaped;
  a.add("w", {2, 3});
  same.add("w", {2, 3});
  renamed.add("v", {2, 3});
  reshaped.add("w", {3, 2});
  EXPECT_EQ(a, same);
  EXPECT_NE(a, renamed);
  EXPECT_NE(a, reshaped);
  same.add("x", {});
  EXPECT_NE(a, same);
}

TEST(Arena, ViewsAliasOneAlignedZeroedBuffer) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 50; ++trial) {
    const Arena arena("base", random_layout(random));
    if (arena.floats().empty()) continue;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.floats().data()) % 64, 0U);
    for (const float value : arena.floats()) EXPECT_EQ(value, 0.0F);
    randomise(arena, random);
    for (int i = 0; i < arena.layout().size(); ++i) {
      EXPECT_TRUE(arena.view(i).is_contiguous());
      EXPECT_EQ(arena.view(i).sizes().vec(), arena.layout()[i].shape);
      if (arena.layout()[i].numel == 0) continue;
      EXPECT_EQ(arena.view(i).const_data_ptr(), arena.floats(i).data());
      EXPECT_EQ(arena.floats(i).data(), arena.floats().data() + arena.layout()[i].offset);
    }
    EXPECT_TRUE(padding_is_zero(arena));
  }
}

TEST(Arena, FillLeavesThePaddingZero) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 20; ++trial) {
    Arena arena("base", random_layout(random));
    arena.fill(2.5F);
    EXPECT_TRUE(padding_is_zero(arena));
    EXPECT_DOUBLE_EQ(arena.squared_norm(), 6.25 * static_cast<double>(arena.layout().numel()));
  }
}

TEST(Arena, ViewsOutliveTheArenaAndCountVersionsSeparately) {
  auto layout = std::make_shared<ArenaLayout>();
  layout->add("a", {3});
  layout->add("b", {3});
  at::Tensor a, b;
  {
    const Arena arena("base", layout);
    a = arena.view(0);
    b = arena.view(1);
  }
  const auto before = a._version();
  b.fill_(7.0);
  EXPECT_EQ(a._version(), before);
  EXPECT_EQ(a.sum().item<float>(), 0.0F);
  EXPECT_EQ(b.sum().item<float>(), 21.0F);
}

TEST(Arena, CloneIsDeepAndCopyConverts) {
  std::mt19937 random(4);
  const auto layout = random_layout(random);
  const Arena arena("base", layout);
  randomise(arena, random);
  const Arena copy = arena.clone();
  EXPECT_EQ(copy.digest(), arena.digest());
  EXPECT_EQ(copy.name(), "base");

  Arena narrow("base", layout, DType::kBF16), wide("base", layout);
  narrow.copy_from(arena);
  wide.copy_from(narrow);
  for (int i = 0; i < layout->size(); ++i) {
    for (std::size_t j = 0; j < wide.floats(i).size(); ++j) {
      EXPECT_NEAR(wide.floats(i)[j], arena.floats(i)[j], std::abs(arena.floats(i)[j]) / 256);
    }
  }
  EXPECT_NEAR(narrow.squared_norm(), wide.squared_norm(), 1e-12 * wide.squared_norm());
  EXPECT_THROW(narrow.floats(), Error);

  auto other = std::make_shared<ArenaLayout>();
  other->add("another", {1});
  EXPECT_THROW(wide.copy_from(Arena("base", other)), Error);
}

TEST(Arena, SquaredNormIsExactOnSmallIntegers) {
  auto layout = std::make_shared<ArenaLayout>();
  for (const std::int64_t size : {1, 15, 16, 17, 33, 100}) layout->add("t" + std::to_string(size), {size});
  const Arena arena("base", layout);
  double expected = 0.0;
  int next = -50;
  for (int i = 0; i < layout->size(); ++i) {
    for (float& value : arena.floats(i)) {
      value = static_cast<float>(next++);
      expected += static_cast<double>(value) * value;
    }
  }
  EXPECT_EQ(arena.squared_norm(), expected);
}

TEST(Arena, DigestCoversNamesShapesDtypeAndValuesOnly) {
  const auto make = [](const char* name, std::vector<std::int64_t> shape, DType dtype, float value) {
    auto layout = std::make_shared<ArenaLayout>();
    layout->add(name, std::move(shape));
    Arena arena("base", layout, dtype);
    arena.fill(value);
    return arena;
  };
  const Digest digest = make("w", {2, 3}, DType::kF32, 1.0F).digest();
  EXPECT_EQ(make("w", {2, 3}, DType::kF32, 1.0F).digest(), digest);
  EXPECT_NE(make("v", {2, 3}, DType::kF32, 1.0F).digest(), digest);
  EXPECT_NE(make("w", {3, 2}, DType::kF32, 1.0F).digest(), digest);
  EXPECT_NE(make("w", {2, 3}, DType::kBF16, 1.0F).digest(), digest);
  EXPECT_NE(make("w", {2, 3}, DType::kF32, 1.0000001F).digest(), digest);
  const Arena padded = make("w", {2, 3}, DType::kF32, 1.0F);
  padded.floats()[6] = 5.0F;
  EXPECT_EQ(padded.digest(), digest);
}

TEST(Arena, WithoutEntriesIsUsable) {
  const Arena none;
  EXPECT_EQ(none.layout().size(), 0);
  EXPECT_TRUE(none.floats().empty());
  EXPECT_EQ(none.squared_norm(), 0.0);
  EXPECT_EQ(none.clone().digest(), none.digest());
  EXPECT_THROW(Arena("base", none.shared_layout(), DType::kF64), Error);
}

TEST(Arena, OverAFileHoldsWhatTheFileHolds) {
  auto layout = std::make_shared<ArenaLayout>();
  layout->add("a", {64, 33});
  layout->add("b", {16});
  std::mt19937 random(5);
  const Arena original("base", layout);
  randomise(original, random);
  const TemporaryFolder folder;
  const auto bytes = std::as_bytes(original.floats());
  write_file_atomically(folder.path("values"), std::span(&bytes, 1));
  const auto file = std::make_shared<const MappedFile>(folder.path("values"));
  const std::span values(reinterpret_cast<const float*>(file->bytes().data()), file->bytes().size() / sizeof(float));
  const Arena arena("base", layout, file, values);
  EXPECT_TRUE(arena.in_file());
  EXPECT_FALSE(original.in_file());
  EXPECT_EQ(arena.floats().data(), values.data());
  EXPECT_EQ(arena.digest(), original.digest());
  arena.set_aside();
  original.set_aside();
  EXPECT_EQ(arena.digest(), original.digest());
  EXPECT_FALSE(arena.clone().in_file());
  EXPECT_EQ(arena.clone().digest(), original.digest());
  EXPECT_THROW(Arena("base", layout, file, values.first(values.size() - 1)), Error);
  EXPECT_THROW(Arena("base", layout, file, values.subspan(1)), Error);
}

}  // namespace
}  // namespace coppice
