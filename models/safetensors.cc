#include "models/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "models/safetensors_header.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian in the file and in memory");

constexpr std::size_t kPrefix = 8;
constexpr std::uint64_t kLargestHeader = 100'000'000;

// Bytes of a dense tensor, or nullopt where they do not fit 63 bits.
std::optional<std::uint64_t> bytes_of(const std::vector<std::int64_t>& shape, DType dtype) {
  auto bytes = static_cast<std::int64_t>(bytes_per_element(dtype));
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes)) return std::nullopt;
    empty = empty || size == 0;
  }
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

using Metadata = std::map<std::string, std::string>;

std::vector<TensorBytes> tensors_of(const SafetensorsFile& file) {
  std::vector<TensorBytes> tensors;
  for (const Block& block : file.tensors) {
    if (block.layout != Layout::kDense || block.scale != 1.0F) {
      throw Error("safetensors: tensor " + coppice::quoted(block.name) + " is not a whole dense block");
    }
    tensors.push_back({block.name, block.dtype, block.shape, block.values});
  }
  return tensors;
}

struct Encoded {
  std::string head;  // length and header
  std::vector<std::span<const std::byte>> values;
};

Encoded encode(std::vector<TensorBytes> tensors, const Metadata& metadata) {
  Encoded out;
  std::set<std::string_view> names = {"__metadata__"};
  for (const TensorBytes& tensor : tensors) {
    if (!names.insert(tensor.name).second)
      throw Error("safetensors: tensor " + coppice::quoted(tensor.name) + " is given twice");
    if (bytes_of(tensor.shape, tensor.dtype) != tensor.values.size()) {
      throw Error("safetensors: tensor " + coppice::quoted(tensor.name) + " is not a whole dense block");
    }
  }
  names.clear();
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorBytes& a, const TensorBytes& b) {
    return bytes_per_element(a.dtype) > bytes_per_element(b.dtype);
  });
  SafetensorsHeader header{{}, metadata};
  std::uint64_t at = 0;
  for (const TensorBytes& tensor : tensors) {
    header.entries.push_back({tensor.name, tensor.dtype, tensor.shape, at, at + tensor.values.size()});
    at += tensor.values.size();
    out.values.push_back(tensor.values);
  }
  const std::string text = safetensors_header_text(header);
  const std::uint64_t length = text.size();
  if (length > kLargestHeader) throw Error("safetensors: the header would exceed 100 MB");
  out.head.resize(kPrefix);
  std::memcpy(out.head.data(), &length, kPrefix);
  out.head += text;
  return out;
}

}  // namespace

const Block* SafetensorsFile::find(std::string_view name) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Block& block) { return block.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

namespace {

std::vector<TensorBytes> parse(const std::string& name, std::span<const std::byte> bytes, Metadata& metadata) {
  std::uint64_t length = 0;
  if (bytes.size() < kPrefix) {
    throw InputError(name + ": not a safetensors file: found " + std::to_string(bytes.size()) +
                     " bytes; expected at least 8");
  }
  std::memcpy(&length, bytes.data(), kPrefix);
  if (length > kLargestHeader || length > bytes.size() - kPrefix) {
    throw InputError(name + ": not a safetensors file, or cut short: it announces a header of " +
                     std::to_string(length) + " bytes in a file of " + std::to_string(bytes.size()));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kPrefix, static_cast<std::size_t>(length));
  const std::span<const std::byte> data = bytes.subspan(kPrefix + static_cast<std::size_t>(length));
  SafetensorsHeader header = parse_safetensors_header(name, text);

  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
                     return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
                   });
  std::uint64_t at = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    const std::string where = name + ": tensor " + coppice::quoted(entry.name);
    if (entry.begin != at) {
      throw InputError(where + " starts at byte " + std::to_string(entry.begin) + "; expected " + std::to_string(at) +
                       ", where the one before ends");
    }
    const auto size = bytes_of(entry.shape, entry.dtype);
    if (entry.end < entry.begin || size != entry.end - entry.begin) {
      throw InputError(where + " spans bytes " + std::to_string(entry.begin) + " to " + std::to_string(entry.end) +
                       ", which is not its shape " + shape_text(entry.shape) + " of " + name_of(entry.dtype));
    }
    at = entry.end;
  }
  if (at != data.size()) {
    throw InputError(name + ": cut short or followed by something: tensors take " + std::to_string(at) +
                     " bytes; found " + std::to_string(data.size()));
  }

  metadata = std::move(header.metadata);
  std::vector<TensorBytes> tensors;
  tensors.reserve(header.entries.size());
  for (SafetensorsEntry& entry : header.entries) {
    const auto values =
        data.subspan(static_cast<std::size_t>(entry.begin), static_cast<std::size_t>(entry.end - entry.begin));
    const auto wrong = [](std::byte value) { return value > std::byte{1}; };
    if (entry.dtype == DType::kBool && std::any_of(values.begin(), values.end(), wrong)) {
      throw InputError(name + ": tensor " + coppice::quoted(entry.name) + " holds a boolean that is neither 0 nor 1");
    }
    tensors.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape), values});
  }
  return tensors;
}

void write_encoded(const std::string& path, const Encoded& encoded) {
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(encoded.head))};
  parts.insert(parts.end(), encoded.values.begin(), encoded.values.end());
  write_file_atomically(path, parts);
}

}  // namespace

SafetensorsFile parse_safetensors(const std::string& name, std::span<const std::byte> bytes) {
  SafetensorsFile file;
  for (TensorBytes& tensor : parse(name, bytes, file.metadata)) {
    Block block;
    block.name = std::move(tensor.name);
    block.dtype = tensor.dtype;
    block.shape = std::move(tensor.shape);
    block.values.assign(tensor.values.begin(), tensor.values.end());
    file.tensors.push_back(std::move(block));
  }
  return file;
}

SafetensorsFile read_safetensors(const std::string& path) { return parse_safetensors(path, MappedFile(path).bytes()); }

MappedSafetensors::MappedSafetensors(const std::string& path) : file_(path) {
  Metadata unused;
  tensors_ = parse(path, file_.bytes(), unused);
}

const TensorBytes* MappedSafetensors::find(std::string_view name) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(), [&](const TensorBytes& t) { return t.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

std::vector<std::byte> encode_safetensors(const SafetensorsFile& file) {
  const Encoded encoded = encode(tensors_of(file), file.metadata);
  const auto head = std::as_bytes(std::span(encoded.head));
  std::vector<std::byte> bytes(head.begin(), head.end());
  for (const auto values : encoded.values) bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

void write_safetensors(const std::string& path, const SafetensorsFile& file) {
  write_encoded(path, encode(tensors_of(file), file.metadata));
}

void write_safetensors(const std::string& path, std::span<const TensorBytes> tensors) {
  write_encoded(path, encode({tensors.begin(), tensors.end()}, {}));
}

}  // namespace coppice
