// Every test draws the same numbers, alone or among others: PyTorch's generator starts from the clock otherwise.
#include <ATen/Context.h>

#include <gtest/gtest.h>

namespace coppice::test {
namespace {

class SeededDraws final : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& /*info*/) override { at::manual_seed(1); }
};

[[maybe_unused]] const bool kListens = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new SeededDraws);
  return true;
}();

}  // namespace
}  // namespace coppice::test
