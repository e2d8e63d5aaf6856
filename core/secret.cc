#include "core/secret.h"

#include <sodium.h>

#include "core/error.h"

namespace coppice {

std::uint64_t SecretSource::next_u64() {
  std::uint64_t value = 0;
  fill(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

Secret::Secret() {
  if (sodium_init() < 0) throw Error("libsodium failed to initialize");
}

void Secret::fill(std::span<std::byte> out) { randombytes_buf(out.data(), out.size()); }

void TestSecret::fill(std::span<std::byte> out) {
  for (std::byte& byte : out) byte = static_cast<std::byte>(stream_.next_u32() & 0xff);
}

}  // namespace coppice
