#include "core/block.h"

#include <set>

#include <gtest/gtest.h>

#include "core/error.h"

namespace coppice {
namespace {

TEST(DType, SizesAndNames) {
  std::set<std::string> names;
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8, DType::kU8, DType::kI32,
                            DType::kI64, DType::kBool}) {
    names.insert(name_of(dtype));
  }
  EXPECT_EQ(names, (std::set<std::string>{"f32", "f64", "f16", "bf16", "i8", "u8", "i32", "i64", "bool"}));
  EXPECT_EQ(bytes_per_element(DType::kF64), 8U);
  EXPECT_EQ(bytes_per_element(DType::kF32), 4U);
  EXPECT_EQ(bytes_per_element(DType::kBF16), 2U);
  EXPECT_EQ(bytes_per_element(DType::kBool), 1U);
  EXPECT_THROW(bytes_per_element(static_cast<DType>(200)), Error);
  EXPECT_THROW(name_of(static_cast<DType>(200)), Error);
}

TEST(Block, CountsElementsAndRefusesImpossibleShapes) {
  const auto elements = [](std::vector<std::int64_t> shape) {
    Block block;
    block.shape = std::move(shape);
    return block.num_elements();
  };
  EXPECT_EQ(elements({}), 1);
  EXPECT_EQ(elements({3, 4}), 12);
  EXPECT_EQ(elements({3, 0, 4}), 0);
  EXPECT_EQ(elements({std::int64_t{1} << 62}), std::int64_t{1} << 62);
  EXPECT_THROW(elements({-1}), InputError);
  EXPECT_THROW(elements({0, -1}), InputError);
  EXPECT_THROW(elements({std::int64_t{1} << 32, std::int64_t{1} << 31}), InputError);
  EXPECT_THROW(elements({0, std::int64_t{1} << 32, std::int64_t{1} << 32}), InputError);
}

TEST(Block, ValuesAreCountedInElements) {
  Block block;
  block.dtype = DType::kBF16;
  block.values.resize(10);
  EXPECT_EQ(block.num_values(), 5);
}

}  // namespace
}  // namespace coppice
