#include "comm/wire/frame_layout.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "comm/wire/wire.h"
#include "tests/comm/random_envelope.h"

namespace coppice {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(FrameLayout, GivesExactlyTheBytesThatEncodeWrites) {
  Stream stream(Seed{.run = 1}, Purpose::kTest);
  for (int i = 0; i < 500; ++i) {
    const Envelope envelope = random_envelope(stream);
    ASSERT_EQ(encoded_size(envelope), encode(envelope).size()) << "envelope " << i;
  }
}

TEST(FrameLayout, HoldsForEveryCut) {
  Stream stream(Seed{.run = 2}, Purpose::kTest);
  for (int i = 0; i < 500; ++i) {
    const Envelope envelope = random_envelope(stream);
    const std::size_t part_bytes = 8 * (1 + stream.below(20));
    const FrameLimits limits{part_bytes, part_bytes + 8 * (1 + stream.below(50))};
    ASSERT_EQ(frame_layout(envelope, limits).frame_bytes(), encode(envelope, limits).size()) << "envelope " << i;
  }
}

// A tensor that nobody allocates: what a virtual client would have sent.
TEST(FrameLayout, NeedsNoValues) {
  const BlockExtent weights{.name_bytes = 6, .num_dims = 2, .value_bytes = std::size_t{20} << 30};
  const std::size_t parts = (std::size_t{20} << 30) / (32 * kMiB);
  const FrameLayout layout = frame_layout(100, {&weights, 1});
  // 31 parts of 32 MiB and their landing words fit in 1 GiB, 32 do not.
  EXPECT_EQ(layout.segment_words.size(), 1 + (parts + 30) / 31);
  EXPECT_GT(encoded_size(100, {&weights, 1}), weights.value_bytes);
  EXPECT_LT(encoded_size(100, {&weights, 1}), weights.value_bytes + 32 * parts + 1000);
}

TEST(FrameLayout, SmallMessagesStaySmall) {
  Envelope envelope;
  EXPECT_EQ(encoded_size(envelope), encode(envelope).size());
  EXPECT_LE(encoded_size(envelope), 160U);
}

TEST(FrameLayout, RefusesABodyBeyondTheReachOfAText) { EXPECT_THROW(frame_layout(257 * kMiB, {}), Error); }

}  // namespace
}  // namespace coppice
