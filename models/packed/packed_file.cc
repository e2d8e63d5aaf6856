#include "models/packed/packed_file.h"

#include <cmath>
#include <cstring>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/strict_json.h"
#include "models/packed/gaps.h"
#include "models/safetensors.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

constexpr const char* kValues = "values";
constexpr const char* kConfig = "config";
constexpr const char* kIndex = "index";
constexpr const char* kPositions = "positions";

// The four tensors before they are one file.
struct Parts {
  std::vector<float> values;
  std::string index;
  std::vector<std::byte> positions;
};

Parts parts_of(const PackedFile& file) {
  Parts parts;
  Json index = Json::array();
  for (const PackedTensor& tensor : file.tensors) {
    Json row = Json::array({tensor.name, tensor.shape});
    parts.values.insert(parts.values.end(), tensor.values.begin(), tensor.values.end());
    if (tensor.positions) {
      const std::vector<std::byte> gaps = encode_gaps(*tensor.positions);
      parts.positions.insert(parts.positions.end(), gaps.begin(), gaps.end());
      row.push_back(tensor.values.size());
      row.push_back(gaps.size());
    }
    index.push_back(std::move(row));
  }
  parts.index = index.dump();
  return parts;
}

std::vector<TensorBytes> tensors_of(const PackedFile& file, const Parts& parts) {
  const auto row = [](const char* name, DType dtype, std::size_t count, std::span<const std::byte> bytes) {
    return TensorBytes{name, dtype, {static_cast<std::int64_t>(count)}, bytes};
  };
  return {row(kValues, DType::kF32, parts.values.size(), std::as_bytes(std::span(parts.values))),
          row(kConfig, DType::kU8, file.config.size(), std::as_bytes(std::span(file.config))),
          row(kIndex, DType::kU8, parts.index.size(), std::as_bytes(std::span(parts.index))),
          row(kPositions, DType::kU8, parts.positions.size(), parts.positions)};
}

const Block& part(const SafetensorsFile& file, const char* name, DType dtype, const std::string& where) {
  const Block* block = file.find(name);
  if (block == nullptr) throw InputError(where + ": not a packed model: tensor '" + name + "' is missing");
  if (block->dtype != dtype || block->shape.size() != 1) {
    throw InputError(where + ": tensor '" + name + "': found " + name_of(block->dtype) + " of " + std::to_string(block->shape.size()) +
                     " dims; expected one row of " + name_of(dtype));
  }
  return *block;
}

std::string text_of(const Block& block) { return {reinterpret_cast<const char*>(block.values.data()), block.values.size()}; }

std::int64_t count_in(const Json& value, const std::string& where) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > INT64_MAX) throw InputError(where + ": found " + value.dump() + "; expected a count");
  return value.get<std::int64_t>();
}

// Takes the next `count` of what is left.
template <class T>
std::span<const T> take(std::span<const T>& left, std::int64_t count, const std::string& where) {
  if (static_cast<std::uint64_t>(count) > left.size()) {
    throw InputError(where + ": found " + std::to_string(left.size()) + " left; expected " + std::to_string(count));
  }
  const auto taken = left.first(static_cast<std::size_t>(count));
  left = left.subspan(static_cast<std::size_t>(count));
  return taken;
}

struct Left {
  std::span<const std::byte> values;  // at any alignment
  std::span<const std::byte> positions;
};

PackedTensor read_tensor(const Json& row, Left& left, const std::string& file) {
  const bool masked = row.is_array() && row.size() == 4;
  if (!row.is_array() || (row.size() != 2 && !masked) || !row[0].is_string() || !row[1].is_array()) {
    throw InputError(file + ": index: expected rows of [name, shape] or [name, shape, values, bytes of positions]");
  }
  PackedTensor tensor{.name = row[0].get<std::string>(), .shape = {}};
  const std::string where = file + ": tensor " + coppice::quoted(tensor.name);
  std::int64_t numel = 1;
  for (const Json& dim : row[1]) {
    tensor.shape.push_back(count_in(dim, where + ": shape"));
    if (__builtin_mul_overflow(numel, tensor.shape.back(), &numel)) throw InputError(where + ": its shape has more than 2^63 elements");
  }
  const std::int64_t count = masked ? count_in(row[2], where + ": values") : numel;
  if (count > std::ssize(left.values)) throw InputError(where + ": found fewer values left than " + std::to_string(count));
  if (masked) {
    const auto bytes = take(left.positions, count_in(row[3], where + ": bytes of positions"), where + ": positions");
    try {
      tensor.positions = decode_gaps(bytes, count, numel);
    } catch (InputError& error) {
      error.within(where);
      throw;
    }
  }
  const auto bytes = take(left.values, count * static_cast<std::int64_t>(sizeof(float)), where + ": bytes of values");
  tensor.values.resize(static_cast<std::size_t>(count));
  if (count > 0) std::memcpy(tensor.values.data(), bytes.data(), bytes.size());
  return tensor;
}

double position_bits(double n, double k) {
  if (k <= 0.0 || k >= n) return 0.0;
  return n * std::log2(n) - k * std::log2(k) - (n - k) * std::log2(n - k);
}

}  // namespace

void write_packed(const std::string& path, const PackedFile& file) {
  const Parts parts = parts_of(file);
  write_safetensors(path, tensors_of(file, parts));
}

std::vector<std::byte> encode_packed(const PackedFile& file) {
  const Parts parts = parts_of(file);
  SafetensorsFile out;
  for (const TensorBytes& tensor : tensors_of(file, parts)) {
    out.tensors.push_back({.name = tensor.name, .dtype = tensor.dtype, .shape = tensor.shape, .values = {tensor.values.begin(), tensor.values.end()}});
  }
  return encode_safetensors(out);
}

PackedFile parse_packed(const std::string& name, std::span<const std::byte> bytes) {
  const SafetensorsFile parts = parse_safetensors(name, bytes);
  PackedFile file{.config = text_of(part(parts, kConfig, DType::kU8, name)), .tensors = {}};
  Left left{part(parts, kValues, DType::kF32, name).values, part(parts, kPositions, DType::kU8, name).values};
  if (parts.tensors.size() != 4) throw InputError(name + ": found " + std::to_string(parts.tensors.size()) + " tensors; expected 4");
  const Json index = parse_strict_json(text_of(part(parts, kIndex, DType::kU8, name)), name + ": index");
  if (!index.is_array()) throw InputError(name + ": index: expected a list");
  for (const Json& row : index) file.tensors.push_back(read_tensor(row, left, name));
  if (!left.values.empty() || !left.positions.empty()) {
    throw InputError(name + ": found " + std::to_string(left.values.size()) + " bytes of values and " + std::to_string(left.positions.size()) +
                     " of positions that no tensor takes");
  }
  return file;
}

double least_bytes(const PackedFile& file) {
  double bytes = 0.0;
  for (const PackedTensor& tensor : file.tensors) {
    double elements = 1.0;
    for (const std::int64_t dim : tensor.shape) elements *= static_cast<double>(dim);
    const auto kept = static_cast<double>(tensor.values.size());
    bytes += sizeof(float) * kept + (tensor.positions ? position_bits(elements, kept) / 8.0 : 0.0);
  }
  return bytes;
}

}  // namespace coppice
