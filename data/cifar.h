// CIFAR-10's binary format: records of 3,073 bytes, a label and then the red, green and blue 32 x 32 planes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace coppice {

struct CifarRecords {
  static constexpr std::int64_t kSide = 32, kChannels = 3, kClasses = 10;

  std::vector<std::uint8_t> pixels;  // [N, 32, 32, 3]
  std::vector<std::int32_t> labels;  // [N]
};

// Appends the records of one file. Throws InputError naming `file` for a partial record or a label above 9.
void append_cifar(std::span<const std::byte> bytes, const std::string& file, CifarRecords& records);

}  // namespace coppice
