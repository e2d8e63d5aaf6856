// A packed model as bytes: a safetensors file of four tensors, read strictly. docs/model_folder.md describes it for other tools.
//
//   values    F32  of all tensors, one behind the other: all of a tensor, or where it is masked those that are kept
//   config    U8   JSON: the model's config
//   index     U8   JSON: of each tensor [name, shape], or where it is masked [name, shape, values, bytes of positions]
//   positions U8   of all masked tensors, one behind the other (models/packed/gaps.h)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace coppice {

struct PackedTensor {
  std::string name;
  std::vector<std::int64_t> shape;                        // of the dense tensor
  std::optional<std::vector<std::uint32_t>> positions{};  // of the values, ascending, row-major; none: all
  std::vector<float> values{};
};

struct PackedFile {
  std::string config;
  std::vector<PackedTensor> tensors;
};

// `write` replaces the file atomically. Throws Stopped on a full disk.
void write_packed(const std::string& path, const PackedFile& file);
std::vector<std::byte> encode_packed(const PackedFile& file);

// Throws InputError, with `name` first. What it allocates is a small multiple of the bytes, whatever shapes they claim.
PackedFile parse_packed(const std::string& name, std::span<const std::byte> bytes);

// What no code for positions that know nothing of each other can go below, in bytes: sum over tensors of 4 a value, and of n elements with k kept
// n H(k / n) / 8 more, H(p) = -p log2 p - (1 - p) log2 (1 - p). Names, shapes and the config are not counted.
double least_bytes(const PackedFile& file);

}  // namespace coppice
