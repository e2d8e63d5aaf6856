// Shards written by the tests' own hand, from docs/shards.md and nothing of data/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/data/samples.h"

namespace coppice {

class ShardBytes {
 public:
  ShardBytes(int kind, int target, int value_bytes, std::uint64_t examples, std::uint64_t values, std::uint64_t targets,
             std::uint64_t columns) {
    for (const char c : std::string("CPPSHARD")) bytes_.push_back(static_cast<std::byte>(c));
    number<std::uint32_t>(1);
    for (const int field : {kind, target, value_bytes, 0}) bytes_.push_back(static_cast<std::byte>(field));
    for (const std::uint64_t field : {examples, values, targets, columns}) number(field);
    pad();
  }

  template <class T>
  ShardBytes& section(const std::vector<T>& values) {
    for (const T value : values) number(value);
    pad();
    return *this;
  }

  const Bytes& bytes() const { return bytes_; }

 private:
  template <class T>
  void number(T value) {
    std::byte raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes_.insert(bytes_.end(), raw, raw + sizeof(T));
  }
  void pad() { bytes_.resize((bytes_.size() + 63) / 64 * 64); }

  Bytes bytes_;
};

}  // namespace coppice
