#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/allocator.h"
#include "core/error.h"
#include "core/phase_timer.h"
#include "core/process_memory.h"

// Sanitizers put an allocator of their own in the place of the C library's.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COPPICE_OTHER_ALLOCATOR true
#else
#define COPPICE_OTHER_ALLOCATOR false
#endif

namespace coppice {
namespace {

double g_now = 0.0;
double fake_now() { return g_now; }

TEST(PhaseTimer, NestsAndAddsUp) {
  g_now = 100.0;
  PhaseTimer timer(fake_now);
  for (int round = 0; round < 2; ++round) {
    const auto outer = timer.time("round");
    g_now += 1.0;
    for (int step = 0; step < 3; ++step) {
      const auto inner = timer.time("train");
      g_now += 2.0;
      timer.add("io", 0.25, 5);
    }
    const auto last = timer.time("reduce");
    g_now += 0.5;
  }
  { const auto train = timer.time("train"); }
  const std::vector<Phase> phases = timer.snapshot();
  const std::vector<std::string> names = {"round", "round/train", "round/train/io", "round/reduce", "train"};
  const std::vector<double> seconds = {15.0, 12.0, 1.5, 1.0, 0.0};
  const std::vector<std::int64_t> counts = {2, 6, 30, 2, 1};
  ASSERT_EQ(phases.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(phases[i].name, names[i]);
    EXPECT_DOUBLE_EQ(phases[i].seconds, seconds[i]) << names[i];
    EXPECT_EQ(phases[i].count, counts[i]) << names[i];
  }
}

TEST(PhaseTimer, SurvivesExceptionsAndClears) {
  PhaseTimer timer(fake_now);
  try {
    const auto phase = timer.time("a");
    const auto inner = timer.time("b");
    EXPECT_THROW(timer.clear(), Error);
    throw 1;
  } catch (int) {
  }
  { const auto phase = timer.time("c"); }
  EXPECT_EQ(timer.snapshot().back().name, "c");
  timer.clear();
  EXPECT_TRUE(timer.snapshot().empty());
}

TEST(PhaseTimer, MeasuresRealTime) {
  PhaseTimer timer;
  {
    const auto phase = timer.time("sleep");
    ::usleep(20'000);
  }
  EXPECT_GE(timer.snapshot().front().seconds, 0.02);
}

// Runs `action` in a child process, whose memory nobody else has touched; its exit status.
template <class Action>
int in_child(const Action& action) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(action());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ProcessMemory, FollowsWhatIsAllocated) {
  constexpr std::size_t kBytes = std::size_t{96} << 20;
  const std::uint64_t before_rss = rss_bytes(), before_use = bytes_in_use();
  std::vector<char> buffer(kBytes, 'x');
  EXPECT_GE(rss_bytes(), before_rss + kBytes * 9 / 10);
  EXPECT_GE(peak_rss_bytes(), rss_bytes());
  if (!COPPICE_OTHER_ALLOCATOR) {
    EXPECT_GE(bytes_in_use(), before_use + kBytes);
    std::vector<char>().swap(buffer);
    EXPECT_LT(bytes_in_use(), before_use + kBytes / 2);
  }
  EXPECT_GE(peak_rss_bytes(), kBytes);
}

TEST(Allocator, PinnedKeepsFreedPages) {
  if (COPPICE_OTHER_ALLOCATOR) GTEST_SKIP() << "the sanitizer's allocator is in use";
  const auto faults_of_second_use = [](std::size_t bytes) {
    rusage before{}, after{};
    for (int i = 0; i < 2; ++i) {
      ::getrusage(RUSAGE_SELF, &before);
      void* p = std::malloc(bytes);
      std::memset(p, 1, bytes);
      asm volatile("" ::"r"(p) : "memory");
      std::free(p);
      ::getrusage(RUSAGE_SELF, &after);
    }
    return after.ru_minflt - before.ru_minflt;
  };
  for (const std::size_t mib : {1, 20, 200}) {
    const auto bytes = mib << 20;
    const auto pages = static_cast<long>(bytes / 4096);
    EXPECT_EQ(in_child([&] {
                pin_allocator();
                long faults = 0;
                std::thread([&] { faults = faults_of_second_use(bytes); }).join();
                return std::max(faults, faults_of_second_use(bytes)) < pages / 20 + 8 ? 0 : 1;
              }),
              0)
        << mib << " MiB";
  }
}

}  // namespace
}  // namespace coppice
