#include "data/idx.h"

#include "tests/data/samples.h"

namespace coppice {
namespace {

TEST(Idx, ReadsShapeAndValues) {
  const Bytes bytes = idx_bytes({2, 1, 3}, {1, 2, 3, 4, 5, 255});
  const IdxArray array = parse_idx(bytes, "a.idx");
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 1, 3}));
  EXPECT_EQ(array.count(), 6);
  EXPECT_EQ(integers_of(array, "a.idx"), (std::vector<std::int32_t>{1, 2, 3, 4, 5, 255}));
}

TEST(Idx, ReadsSignedBigEndianIntegers) {
  Bytes bytes = idx_bytes({2}, {0xff, 0xff, 0xff, 0xfe, 0x00, 0x01, 0x00, 0x02});
  bytes[2] = std::byte{0x0C};
  EXPECT_EQ(integers_of(parse_idx(bytes, "a.idx"), "a.idx"), (std::vector<std::int32_t>{-2, 65538}));
  bytes[2] = std::byte{0x0B};
  bytes[7] = std::byte{4};
  EXPECT_EQ(integers_of(parse_idx(bytes, "a.idx"), "a.idx"), (std::vector<std::int32_t>{-1, -2, 1, 2}));
  bytes[2] = std::byte{0x09};
  bytes[7] = std::byte{8};
  EXPECT_EQ(integers_of(parse_idx(bytes, "a.idx"), "a.idx").front(), -1);
}

TEST(Idx, NamesWhatIsWrong) {
  EXPECT_INPUT_ERROR(parse_idx({}, "e.idx"), "e.idx: found 0 bytes");
  EXPECT_INPUT_ERROR(parse_idx(bytes_of("PK\x03\x04 zip"), "z.idx"), "found magic number 504B0304");
  Bytes bytes = idx_bytes({2, 2}, {1, 2, 3, 4});
  EXPECT_INPUT_ERROR(parse_idx(std::span(bytes).first(9), "h.idx"), "at least the 12 of the header");
  EXPECT_INPUT_ERROR(parse_idx(std::span(bytes).first(15), "t.idx"), "found 15 bytes, expected 16");
  bytes.push_back(std::byte{0});
  EXPECT_INPUT_ERROR(parse_idx(bytes, "l.idx"), "found 17 bytes, expected 16");
  Bytes floats = idx_bytes({1}, {0, 0, 0, 0});
  floats[2] = std::byte{0x0D};
  const IdxArray array = parse_idx(floats, "f.idx");
  EXPECT_INPUT_ERROR(integers_of(array, "f.idx"), "floating-point");
}

TEST(Idx, RefusesSizesThatOverflow) {
  const Bytes bytes = idx_bytes({0xffffffff, 0xffffffff, 0xffffffff}, {});
  EXPECT_INPUT_ERROR(parse_idx(bytes, "o.idx"), "overflows");
}

TEST(Idx, SurvivesMutations) {
  const Bytes bytes = idx_bytes({4, 2, 2}, std::vector<std::uint8_t>(16, 7));
  survive_mutations(bytes, 20000,
                    [](std::span<const std::byte> mutated) { integers_of(parse_idx(mutated, "m.idx"), "m.idx"); });
}

}  // namespace
}  // namespace coppice
