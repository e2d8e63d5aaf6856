#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "comm/wire/wire.h"
#include "tests/comm/random_envelope.h"

namespace coppice {
namespace {

std::vector<std::byte> read_golden(const std::string& name) {
  std::ifstream file(std::string(COPPICE_GOLDEN_DIR) + "/wire/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// What tests/golden/wire/v1.txt says.
Envelope golden_envelope() {
  Envelope envelope;
  envelope.kind = MessageKind::kReport;
  envelope.run_id = 0x0123456789abcdef;
  envelope.plan_id = 42;
  envelope.round = 7;
  envelope.client = 93;
  for (std::size_t i = 0; i < 32; ++i) envelope.mask_digest.bytes[i] = static_cast<std::uint8_t>(i + 1);
  envelope.body = R"({"tasks":["train"]})";
  envelope.blocks = {
      make_block("conv1.weight", DType::kF32, Layout::kDense, {2, 3}, bytes_of<float>({1, -2, 0.5F, 0, 3, -0.25F})),
      make_block("fc.weight", DType::kBF16, Layout::kOnSupport, {4, 4},
                 bytes_of<std::uint16_t>({0x3f80, 0xbf80, 0x4000})),
      make_block("scores", DType::kI8, Layout::kIndices, {1000}, bytes_of<std::int8_t>({-127, 5, 100}),
                 bytes_of<std::uint32_t>({0, 17, 999})),
      make_block("moments", DType::kI64, Layout::kBitmap, {11}, bytes_of<std::int64_t>({-1, std::int64_t{1} << 40}),
                 bytes_of<std::uint8_t>({0x80, 0x04})),
      make_block("count", DType::kF64, Layout::kDense, {}, bytes_of<double>({320})),
      make_block("nothing", DType::kBool, Layout::kDense, {0, 5}),
  };
  envelope.blocks[2].scale = 0.125F;
  return envelope;
}

TEST(Frame, DecodeUndoesEncode) {
  Stream stream(Seed{.run = 3}, Purpose::kTest);
  for (int i = 0; i < 1000; ++i) {
    const Envelope envelope = random_envelope(stream);
    ASSERT_TRUE(equal(decode(encode(envelope)), envelope)) << "envelope " << i;
  }
}

TEST(Frame, DecodeUndoesEveryCut) {
  Stream stream(Seed{.run = 4}, Purpose::kTest);
  for (int i = 0; i < 500; ++i) {
    const Envelope envelope = random_envelope(stream);
    const std::size_t part_bytes = 8 * (1 + stream.below(20));
    const FrameLimits limits{part_bytes, part_bytes + 8 * (1 + stream.below(50))};
    ASSERT_TRUE(equal(decode(encode(envelope, limits)), envelope)) << "envelope " << i;
  }
}

TEST(Frame, IsReadAtAnyAlignment) {
  const std::vector<std::byte> frame = encode(golden_envelope());
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::vector<std::byte> shifted(shift + frame.size());
    std::copy(frame.begin(), frame.end(), shifted.begin() + static_cast<std::ptrdiff_t>(shift));
    EXPECT_TRUE(equal(decode(std::span(shifted).subspan(shift)), golden_envelope()));
  }
}

// 80 MiB: three parts of the default size.
TEST(Frame, CarriesATensorOfSeveralParts) {
  Envelope envelope;
  Block& block = envelope.blocks.emplace_back(make_block("embedding", DType::kU8, Layout::kDense, {80 << 20}));
  block.values.resize(80 << 20);
  for (std::size_t i = 0; i < block.values.size(); i += 4096) block.values[i] = static_cast<std::byte>(i >> 12);
  const std::vector<std::byte> frame = encode(envelope);
  EXPECT_EQ(frame.size(), encoded_size(envelope));
  EXPECT_TRUE(equal(decode(frame), envelope));
}

// The frame that the first version wrote, and the same message as the `capnp` tool writes it: both for ever.
TEST(Frame, ReadsVersion1) {
  EXPECT_TRUE(equal(decode(read_golden("v1.bin")), golden_envelope()));
  EXPECT_TRUE(equal(decode(read_golden("v1_by_capnp.bin")), golden_envelope()));
}

TEST(Frame, EncodeRefusesWhatDecodeWould) {
  Envelope envelope = golden_envelope();
  envelope.blocks[0].values.pop_back();
  try {
    encode(envelope);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kDefect);
    EXPECT_NE(std::string(error.what()).find("conv1.weight"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace coppice
