// Randomness that must not be guessed: keys and noise. Never a Seed, which is public and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/seed.h"

namespace coppice {

class SecretSource {
 public:
  virtual ~SecretSource() = default;
  virtual void fill(std::span<std::byte> out) = 0;
  // Whether what is drawn is secret; a report of a run where it is not says so.
  virtual bool is_private() const = 0;

  std::uint64_t next_u64();
};

// The system's secure generator.
class Secret final : public SecretSource {
 public:
  Secret();
  void fill(std::span<std::byte> out) override;
  bool is_private() const override { return true; }
};

// A reproducible stand-in for simulations and tests: anybody who knows the seed knows every draw.
class TestSecret final : public SecretSource {
 public:
  explicit TestSecret(Seed seed, std::uint32_t salt = 0) : stream_(seed, Purpose::kTestSecret, salt) {}
  void fill(std::span<std::byte> out) override;
  bool is_private() const override { return false; }

 private:
  Stream stream_;
};

}  // namespace coppice
