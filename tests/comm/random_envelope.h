// Blocks and envelopes for tests: given ones, and random ones of every kind for round-trip laws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "core/block.h"
#include "core/seed.h"

namespace coppice {

template <class T>
std::vector<std::byte> bytes_of(std::initializer_list<T> values) {
  const auto bytes = std::as_bytes(std::span(values.begin(), values.size()));
  return {bytes.begin(), bytes.end()};
}

Block make_block(const std::string& name, DType dtype, Layout layout, std::vector<std::int64_t> shape,
                 std::vector<std::byte> values = {}, std::vector<std::byte> positions = {});

// Valid; dims, dtypes, layouts and lengths vary, empty tensors and scalars among them. At most some KiB.
Envelope random_envelope(Stream& stream);
Block random_block(Stream& stream, Layout layout);

// Field by field, values bit by bit (so that NaN equals itself).
bool equal(const Envelope& a, const Envelope& b);

}  // namespace coppice
