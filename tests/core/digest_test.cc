#include "core/digest.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace coppice {
namespace {

// BLAKE2b-256 of "" and "abc": Python's hashlib.blake2b(digest_size=32).
constexpr const char* kOfNothing = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
constexpr const char* kOfAbc = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";

TEST(Digest, IsBlake2b256) {
  EXPECT_EQ(digest_of(std::string_view("")).hex(), kOfNothing);
  EXPECT_EQ(digest_of(std::string_view("abc")).hex(), kOfAbc);
  EXPECT_EQ(digest_of(std::string_view("abc")).short_hex(), "bddd813c6342");
}

TEST(Digest, PiecesHashLikeTheWhole) {
  const std::uint32_t value = 0x64636261;
  EXPECT_EQ(Hasher().add(std::string_view("a")).add(std::string_view("")).add(std::string_view("bc")).finish().hex(),
            kOfAbc);
  EXPECT_EQ(Hasher().add_value(value).finish(), digest_of(std::string_view("abcd")));
  Hasher half;
  half.add(std::string_view("ab"));
  Hasher copy = half;
  EXPECT_EQ(copy.add(std::string_view("c")).finish().hex(), kOfAbc);
  EXPECT_EQ(half.add(std::string_view("c")).finish().hex(), kOfAbc);
}

TEST(Digest, HexGoesBothWays) {
  const Digest digest = digest_of(std::string_view("abc"));
  EXPECT_EQ(Digest::from_hex(digest.hex()), digest);
  EXPECT_EQ(Digest::from_hex("BDDD813C634239723171EF3FEE98579B94964E3BB1CB3E427262C8C068D52319"), digest);
  EXPECT_TRUE(Digest{}.is_zero());
  EXPECT_TRUE(Digest::from_hex(std::string(64, '0')).is_zero());
  EXPECT_FALSE(digest.is_zero());
  for (const std::string& bad : {std::string(), std::string(63, '0'), std::string(65, '0'), std::string(64, 'g')}) {
    EXPECT_THROW(Digest::from_hex(bad), InputError) << bad;
  }
}

}  // namespace
}  // namespace coppice
