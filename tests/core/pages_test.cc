#include "core/pages.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

#include "core/process_memory.h"
#include "tests/core/temporary_folder.h"

namespace coppice::test {
namespace {

constexpr std::size_t kBytes = std::size_t{96} << 20;

bool all_are(const Pages& pages, std::byte value) {
  return std::all_of(pages.bytes().begin(), pages.bytes().end(), [&](std::byte b) { return b == value; });
}

TEST(Pages, AreZeroAndTakeMemoryOnlyWhereTheyAreWritten) {
  const std::uint64_t before = rss_bytes();
  {
    const Pages pages(kBytes);
    EXPECT_EQ(pages.bytes().size(), kBytes);
    EXPECT_LT(rss_bytes(), before + kBytes / 4);
    EXPECT_TRUE(all_are(pages, std::byte{0}));
    std::fill(pages.bytes().begin(), pages.bytes().end(), std::byte{7});
    EXPECT_GE(rss_bytes(), before + kBytes * 9 / 10);
  }
  EXPECT_LT(rss_bytes(), before + kBytes / 4);
}

TEST(Pages, InAFileKeepWhatTheyHoldWhileTheyAreSetAside) {
  const TemporaryFolder folder;
  const Pages pages(kBytes, folder.path());
  EXPECT_TRUE(all_are(pages, std::byte{0}));
  std::fill(pages.bytes().begin(), pages.bytes().end(), std::byte{9});
  const std::uint64_t with_all = rss_bytes();
  pages.set_aside();
  EXPECT_LT(rss_bytes(), with_all - kBytes * 9 / 10);
  EXPECT_TRUE(all_are(pages, std::byte{9}));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Pages, StayInMemoryWhereThereIsNoFolder) {
  const Pages pages(kBytes, "/nowhere/at/all");
  std::fill(pages.bytes().begin(), pages.bytes().end(), std::byte{5});
  pages.set_aside();
  EXPECT_TRUE(all_are(pages, std::byte{5}));
}

TEST(Pages, OfNothingAreEmptyAndMovingLeavesNothingBehind) {
  EXPECT_TRUE(Pages(0).bytes().empty());
  Pages a(4096);
  a.bytes()[0] = std::byte{1};
  Pages b(std::move(a));
  EXPECT_EQ(b.bytes()[0], std::byte{1});
  Pages c;
  c = std::move(b);
  EXPECT_EQ(c.bytes()[0], std::byte{1});
}

}  // namespace
}  // namespace coppice::test
