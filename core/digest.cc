#include "core/digest.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "core/error.h"
#include "core/hex.h"

namespace coppice {
namespace {

crypto_generichash_blake2b_state* state_in(std::array<std::byte, 384>& bytes) {
  static_assert(sizeof(crypto_generichash_blake2b_state) <= sizeof(bytes));
  static_assert(alignof(crypto_generichash_blake2b_state) <= 64);
  return std::launder(reinterpret_cast<crypto_generichash_blake2b_state*>(bytes.data()));
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool Digest::is_zero() const {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

std::string Digest::hex() const { return hex_of(std::as_bytes(std::span(bytes))); }
std::string Digest::short_hex() const { return hex().substr(0, 12); }

Digest Digest::from_hex(std::string_view hex) {
  Digest digest;
  bool valid = hex.size() == 2 * digest.bytes.size();
  for (std::size_t i = 0; valid && i < digest.bytes.size(); ++i) {
    const int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
    valid = high >= 0 && low >= 0;
    digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  if (!valid) throw InputError("digest: found " + quoted(hex, 80) + "; expected 64 hexadecimal digits");
  return digest;
}

Hasher::Hasher() {
  new (state_.data()) crypto_generichash_blake2b_state;
  // sodium_init() picks the vectorized BLAKE2b; it is idempotent and safe to race.
  if (sodium_init() < 0) throw Error("libsodium failed to initialize");
  crypto_generichash_blake2b_init(state_in(state_), nullptr, 0, sizeof(Digest::bytes));
}

Hasher& Hasher::add(std::span<const std::byte> bytes) {
  crypto_generichash_blake2b_update(state_in(state_), reinterpret_cast<const unsigned char*>(bytes.data()),
                                    bytes.size());
  return *this;
}

Hasher& Hasher::add(std::string_view text) { return add(std::as_bytes(std::span(text.data(), text.size()))); }

Digest Hasher::finish() {
  Digest digest;
  crypto_generichash_blake2b_final(state_in(state_), digest.bytes.data(), digest.bytes.size());
  return digest;
}

Digest digest_of(std::span<const std::byte> bytes) { return Hasher().add(bytes).finish(); }
Digest digest_of(std::string_view text) { return Hasher().add(text).finish(); }

}  // namespace coppice
