// BLAKE2b-256 digests (libsodium): of masks, configs, data files and checkpoints. Stable across ranks and machines.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace coppice {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  bool is_zero() const;
  std::string hex() const;                       // 64 characters
  std::string short_hex() const;                 // the first 12
  static Digest from_hex(std::string_view hex);  // throws InputError
  auto operator<=>(const Digest&) const = default;
};

// Incremental hashing; `add` may be called any number of times before one `finish`.
class Hasher {
 public:
  Hasher();
  Hasher& add(std::span<const std::byte> bytes);
  Hasher& add(std::string_view text);
  template <class T>
  requires std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T> Hasher& add_value(
      const T& value) {
    return add(std::as_bytes(std::span<const T>(&value, 1)));
  }
  Digest finish();

 private:
  alignas(64) std::array<std::byte, 384> state_;
};

Digest digest_of(std::span<const std::byte> bytes);
Digest digest_of(std::string_view text);

}  // namespace coppice
