#include "coordinator/report/mask_picture.h"

#include <zlib.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "coordinator/report/base64.h"
#include "coordinator/report/png.h"

namespace coppice {
namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

TEST(Base64, KnownAnswers) {  // RFC 4648, section 10
  EXPECT_EQ(to_base64(bytes_of("")), "");
  EXPECT_EQ(to_base64(bytes_of("f")), "Zg==");
  EXPECT_EQ(to_base64(bytes_of("fo")), "Zm8=");
  EXPECT_EQ(to_base64(bytes_of("foobar")), "Zm9vYmFy");
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba"})
    EXPECT_EQ(from_base64(to_base64(bytes_of(text))), bytes_of(text));
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  for (const char* text : {"Z", "Zg=", "Zg", "Zh==", "Zm9=", "====", "Z===", "Zm9v\n", "Zm-_", "=Zm9"}) {
    EXPECT_FALSE(from_base64(text).has_value()) << text;
  }
}

TEST(MaskPicture, UnitsAreDrawnOneByOne) {
  const std::vector<std::uint8_t> kept = {1, 0, 2, 0};
  const MaskPicture picture = picture_of_units(kept);
  EXPECT_EQ(picture.form, MaskPicture::Form::kUnits);
  EXPECT_EQ(picture.shades, (std::vector<std::uint8_t>{255, 0, 255, 0}));
  EXPECT_EQ(picture_of_units({}).form, MaskPicture::Form::kNone);
  EXPECT_EQ(picture_of_units(std::vector<std::uint8_t>(kMostPictureUnits + 1, 1)).form, MaskPicture::Form::kNone);
}

TEST(MaskPicture, SmallMatricesAreExact) {
  std::vector<std::uint64_t> words(2, 0);  // 3 x 30 bits
  for (const int i : {0, 29, 30, 63, 64, 89}) words[i / 64] |= std::uint64_t{1} << (i % 64);
  const MaskPicture picture = picture_of_matrix(3, 30, words);
  EXPECT_EQ(picture.form, MaskPicture::Form::kBits);
  for (int i = 0; i < 90; ++i) {
    const bool kept = i == 0 || i == 29 || i == 30 || i == 63 || i == 64 || i == 89;
    EXPECT_EQ(picture.shades[static_cast<std::size_t>(i)], kept ? 255 : 0) << i;
  }
}

TEST(MaskPicture, LargeMatricesBecomeTileAverages) {
  constexpr std::int64_t kRows = 192, kColumns = 960;  // tiles of 2 x 10
  std::vector<std::uint64_t> words(kRows * kColumns / 64, 0);
  const auto keep = [&](std::int64_t row, std::int64_t column) {
    const std::int64_t i = row * kColumns + column;
    words[static_cast<std::size_t>(i / 64)] |= std::uint64_t{1} << (i % 64);
  };
  for (std::int64_t c = 0; c < 10; ++c) keep(0, c), keep(1, c);  // the first tile, whole
  for (std::int64_t c = 10; c < 20; ++c) keep(0, c);             // the second, half
  keep(191, 959);                                                // one weight of the last
  const MaskPicture picture = picture_of_matrix(kRows, kColumns, words);
  EXPECT_EQ(picture.form, MaskPicture::Form::kShades);
  EXPECT_EQ(picture.rows, kPictureSide);
  EXPECT_EQ(picture.columns, kPictureSide);
  EXPECT_EQ(picture.shades[0], 255);
  EXPECT_EQ(picture.shades[1], 128);
  EXPECT_EQ(picture.shades[2], 0);
  EXPECT_EQ(picture.shades.back(), 13);
}

TEST(MaskPicture, BitsThatDoNotFitTheMatrixAreRefused) {
  const std::vector<std::uint64_t> words(1, 0);
  EXPECT_NO_THROW(picture_of_matrix(8, 8, words));
  EXPECT_THROW(picture_of_matrix(5, 13, words), Error);
  EXPECT_THROW(picture_of_matrix(0, 8, words), Error);
  EXPECT_THROW(picture_of_matrix(INT64_MAX, INT64_MAX, words), Error);
}

// A reader of the few PNG features in use, with every checksum checked.
std::vector<std::uint8_t> decode(const std::string& png, std::uint32_t columns, std::uint32_t rows) {
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1A\n");
  const auto u32 = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(png[at + i]);
    return value;
  };
  std::string header, packed;
  for (std::size_t at = 8; at < png.size();) {
    const std::uint32_t size = u32(at);
    const std::string type = png.substr(at + 4, 4), content = png.substr(at + 8, size);
    EXPECT_EQ(u32(at + 8 + size), crc32(0, reinterpret_cast<const Bytef*>(png.data() + at + 4), size + 4)) << type;
    if (type == "IHDR") header = content;
    if (type == "IDAT") packed = content;
    at += 12 + size;
  }
  EXPECT_EQ(u32(16), columns);
  EXPECT_EQ(u32(20), rows);
  const std::size_t bits = static_cast<std::uint8_t>(header[8]), stride = (columns * bits + 7) / 8 + 1;
  std::vector<std::uint8_t> raw(stride * rows);
  uLongf size = raw.size();
  EXPECT_EQ(uncompress(raw.data(), &size, reinterpret_cast<const Bytef*>(packed.data()), packed.size()), Z_OK);
  EXPECT_EQ(size, raw.size());
  std::vector<std::uint8_t> shades;
  for (std::size_t r = 0; r < rows; ++r) {
    EXPECT_EQ(raw[r * stride], 0);
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t start = r * stride + 1;
      shades.push_back(bits == 8 ? raw[start + c] : (raw[start + c / 8] >> (7 - c % 8) & 1) * 255);
    }
  }
  return shades;
}

TEST(Png, GivesBackItsShades) {
  std::vector<std::uint8_t> two(11 * 5), many(11 * 5);
  for (std::size_t i = 0; i < two.size(); ++i)
    two[i] = i % 3 == 0 ? 255 : 0, many[i] = static_cast<std::uint8_t>(i * 4);
  EXPECT_EQ(decode(shades_to_png(5, 11, two), 11, 5), two);
  EXPECT_EQ(decode(shades_to_png(5, 11, many), 11, 5), many);
  EXPECT_THROW(shades_to_png(5, 12, two), Error);
}

}  // namespace
}  // namespace coppice
