#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "comm/wire/check_envelope.h"
#include "comm/wire/envelope.capnp.h"
#include "comm/wire/wire.h"
#include "tests/comm/random_envelope.h"

namespace coppice {
namespace {

// The error line of `action`, which must be one line and an InputError; "" where there was none.
std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  return "";
}

// Any bytes are refused with an InputError or are an envelope that survives a round trip.
bool is_accepted(std::span<const std::byte> frame) {
  Envelope envelope;
  if (!refusal([&] { envelope = decode(frame); }).empty()) return false;
  EXPECT_TRUE(equal(decode(encode(envelope)), envelope));
  return true;
}

Envelope sample() {
  Envelope envelope;
  envelope.kind = MessageKind::kReport;
  envelope.mask_digest = digest_of("mask");
  envelope.body = "{}";
  envelope.blocks = {
      make_block("dense", DType::kF32, Layout::kDense, {2}, bytes_of<float>({1, 2})),
      make_block("support", DType::kF32, Layout::kOnSupport, {4}, bytes_of<float>({1})),
      make_block("indices", DType::kI8, Layout::kIndices, {9}, bytes_of<std::int8_t>({1, 2}),
                 bytes_of<std::uint32_t>({3, 8})),
      make_block("bitmap", DType::kBool, Layout::kBitmap, {9}, bytes_of<std::uint8_t>({1, 0}),
                 bytes_of<std::uint8_t>({0x08, 0x01})),
  };
  return envelope;
}

std::string check_after(const std::function<void(Envelope&)>& change) {
  Envelope envelope = sample();
  change(envelope);
  return refusal([&] { check_envelope(envelope); });
}

// A frame as any Cap'n Proto program could write it.
std::vector<std::byte> frame_of(const std::function<void(wire::Envelope::Builder)>& fill) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<wire::Envelope>();
  root.setSchema(1);
  root.initMaskDigest(32);
  fill(root);
  const auto words = capnp::messageToFlatArray(message);
  const auto* begin = reinterpret_cast<const std::byte*>(words.begin());
  return {begin, begin + words.size() * sizeof(capnp::word)};
}

TEST(CheckEnvelope, EveryRuleHasItsLine) {
  EXPECT_EQ(check_after([](Envelope&) {}), "");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[0].name.clear(); }), "block '': found no name; expected a name");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[0].shape = {3}; }),
            "block 'dense': found 2 values; expected 3 (one an element)");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[0].values.pop_back(); }),
            "block 'dense': found 7 bytes of f32 values; expected whole elements");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[0].positions.resize(4); }),
            "block 'dense': found 4 bytes of positions; expected none in this layout");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[0].scale = 2; }),
            "block 'dense': found scale 2.000000; expected scale 1 for f32");
  EXPECT_EQ(check_after([](Envelope& e) { e.mask_digest = {}; }),
            "block 'support': found values on a support; expected the digest of its mask in the envelope");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[1].shape = {0}; }),
            "block 'support': found 1 values; expected at most 0");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[2].positions = bytes_of<std::uint32_t>({3}); }),
            "block 'indices': found 4 bytes of indices; expected 4 bytes for each of 2 values");
  EXPECT_EQ(check_after([](Envelope& e) {
              e.blocks[2].positions = bytes_of<std::uint32_t>({3, 3});
            }),
            "block 'indices': found index 3 after 3; expected ascending indices");
  EXPECT_EQ(check_after([](Envelope& e) {
              e.blocks[2].positions = bytes_of<std::uint32_t>({3, 9});
            }),
            "block 'indices': found index 9; expected an index below 9");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[3].positions.pop_back(); }),
            "block 'bitmap': found a bitmap of 1 bytes; expected 2 bytes for 9 elements, with no bit set past the end");
  EXPECT_NE(check_after([](Envelope& e) { e.blocks[3].positions[1] = std::byte{0x02}; }), "");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[3].positions[0] = std::byte{0x18}; }),
            "block 'bitmap': found 3 bits set; expected 2 (one a value)");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[3].values[0] = std::byte{2}; }),
            "block 'bitmap': found a bool that is neither 0 nor 1; expected 0 or 1");
  for (const float scale : {-1.0F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_NE(check_after([&](Envelope& e) { e.blocks[2].scale = scale; }), "");
  }
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  EXPECT_NE(check_after([](Envelope& e) { e.blocks[0].shape = {kHuge, kHuge}; }), "");
  EXPECT_NE(check_after([](Envelope& e) { e.blocks[0].shape = {0, kHuge, kHuge}; }), "");
  EXPECT_NE(check_after([](Envelope& e) { e.blocks[0].shape = {-2, -1}; }), "");
  EXPECT_EQ(check_after([](Envelope& e) { e.blocks[1].shape = {kHuge}; }), "");
  EXPECT_NE(check_after([](Envelope& e) { e.blocks[3].shape = {std::numeric_limits<std::int64_t>::max()}; }), "");
  EXPECT_NE(check_after([](Envelope& e) { e.blocks[0].layout = static_cast<Layout>(17); }), "");
}

TEST(MalformedFrame, EveryTruncationIsRefused) {
  const std::vector<std::byte> frame = encode(sample());
  EXPECT_TRUE(is_accepted(frame));
  for (std::size_t length = 0; length < frame.size(); ++length) {
    EXPECT_FALSE(is_accepted(std::span(frame).first(length))) << length << " of " << frame.size() << " bytes";
  }
}

TEST(MalformedFrame, BytesAfterTheEndAreRefused) {
  std::vector<std::byte> frame = encode(sample());
  frame.resize(frame.size() + 8);
  EXPECT_EQ(refusal([&] { decode(frame); }), "frame: found 8 bytes after its end");
}

TEST(MalformedFrame, EveryBitFlipIsRefusedOrStaysWellFormed) {
  std::vector<std::byte> frame = encode(sample());
  int accepted = 0;
  for (std::size_t bit = 0; bit < 8 * frame.size(); ++bit) {
    const std::byte mark = std::byte{1} << (bit % 8);
    frame[bit / 8] ^= mark;
    accepted += is_accepted(frame) ? 1 : 0;
    frame[bit / 8] ^= mark;
  }
  // Flips inside ids, texts and values go unnoticed; those in pointers and sizes do not.
  EXPECT_GT(accepted, 100);
  EXPECT_LT(accepted, static_cast<int>(8 * frame.size()) - 1000);
}

TEST(MalformedFrame, RandomMutationsAreRefusedOrStayWellFormed) {
  Stream stream(Seed{.run = 5}, Purpose::kTest);
  for (int i = 0; i < 400; ++i) {
    const std::vector<std::byte> frame = encode(random_envelope(stream), {.part_bytes = 64, .segment_bytes = 256});
    for (int j = 0; j < 50; ++j) {
      std::vector<std::byte> mutated = frame;
      for (std::uint64_t changes = 1 + stream.below(4); changes > 0; --changes) {
        const std::size_t at = stream.below(mutated.size());
        switch (stream.below(4)) {
          case 0:
            mutated[at] = static_cast<std::byte>(stream.next_u32());
            break;
          case 1:  // a whole word, as a pointer to somewhere else
            for (std::size_t k = 0; k < 8; ++k) mutated[at / 8 * 8 + k] = static_cast<std::byte>(stream.next_u32());
            break;
          case 2:  // a pointer from elsewhere in the frame
            std::memcpy(&mutated[at / 8 * 8], &frame[stream.below(frame.size()) / 8 * 8], 8);
            break;
          default:
            mutated[at] ^= std::byte{1} << stream.below(8);
        }
      }
      is_accepted(mutated);
    }
  }
}

TEST(MalformedFrame, RandomBytesAreRefused) {
  Stream stream(Seed{.run = 6}, Purpose::kTest);
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> bytes(8 * stream.below(40));
    for (std::byte& value : bytes) value = static_cast<std::byte>(stream.below(4) == 0 ? stream.next_u32() : 0);
    EXPECT_FALSE(is_accepted(bytes));
  }
}

TEST(MalformedFrame, OtherVersionsAndUnknownNumbersAreRefused) {
  EXPECT_TRUE(is_accepted(frame_of([](wire::Envelope::Builder) {})));
  EXPECT_EQ(refusal([] { decode(frame_of([](wire::Envelope::Builder e) { e.setSchema(2); })); }),
            "frame: found schema 2; expected 1");
  EXPECT_EQ(refusal([] {
              decode(frame_of([](wire::Envelope::Builder e) { e.setKind(static_cast<wire::MessageKind>(3)); }));
            }),
            "frame: found message kind 3; expected one this version knows (below 3)");
  EXPECT_FALSE(is_accepted(frame_of([](wire::Envelope::Builder e) { e.initMaskDigest(31); })));
  const auto with_block = [](const std::function<void(wire::Block::Builder)>& fill) {
    return is_accepted(frame_of([&](wire::Envelope::Builder e) {
      auto block = e.initBlocks(1)[0];
      block.setName("b");
      block.initShape(1);
      fill(block);
    }));
  };
  EXPECT_TRUE(with_block([](wire::Block::Builder) {}));
  EXPECT_FALSE(with_block([](wire::Block::Builder b) { b.setDtype(static_cast<wire::DType>(9)); }));
  EXPECT_FALSE(with_block([](wire::Block::Builder b) { b.setLayout(static_cast<wire::Layout>(0xffff)); }));
}

// Lists that cost nothing to write must not cost memory to read: 2^28 blocks or dims in a frame of a few words.
TEST(MalformedFrame, AListOfNothingIsRefusedBeforeItIsAllocated) {
  std::vector<std::byte> frame = frame_of([](wire::Envelope::Builder e) { e.initBlocks(1); });
  bool patched = false;
  for (std::size_t at = 8; at + 8 <= frame.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, frame.data() + at, sizeof(word));
    // The blocks' pointer: a list (1) of inline structs (7) of so many words; make it a list of 2^28 elements of size zero.
    if ((word & 3) != 1 || (word >> 32 & 7) != 7) continue;
    word = (word & 0xffffffff) | (std::uint64_t{0} << 32) | (std::uint64_t{1} << 28 << 35);
    std::memcpy(frame.data() + at, &word, sizeof(word));
    patched = true;
  }
  ASSERT_TRUE(patched);
  EXPECT_FALSE(is_accepted(frame));
}

// Many pointers to the same large part: what is read may not exceed what was sent.
TEST(MalformedFrame, PartsThatAreReadTwiceAreRefused) {
  std::vector<std::byte> frame = frame_of([](wire::Envelope::Builder e) {
    auto block = e.initBlocks(1)[0];
    block.setName("b");
    block.setDtype(wire::DType::U8);
    block.initShape(1).set(0, 64 * 800);
    auto parts = block.initValues(64);
    parts.init(0, 800);
    for (unsigned i = 1; i < 64; ++i) parts.init(i, 8);
  });
  // Every part's pointer becomes a copy of the first one, moved by the distance.
  std::size_t first = 0;
  for (std::size_t at = 8; at + 8 <= frame.size() && first == 0; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, frame.data() + at, sizeof(word));
    if ((word >> 32) == ((std::uint64_t{800} << 3) | 2)) first = at;
  }
  ASSERT_NE(first, 0U);
  std::uint64_t pointer;
  std::memcpy(&pointer, frame.data() + first, sizeof(pointer));
  for (std::size_t i = 1; i < 64; ++i) {
    const std::uint64_t moved = pointer - (i << 2);
    std::memcpy(frame.data() + first + 8 * i, &moved, sizeof(moved));
  }
  EXPECT_NE(refusal([&] { decode(frame); }).find("limit"), std::string::npos) << refusal([&] { decode(frame); });
}

}  // namespace
}  // namespace coppice
