#include "tests/comm/random_envelope.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "comm/wire/bits.h"

namespace coppice {
namespace {

constexpr DType kAllDTypes[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8,
                                DType::kU8,  DType::kI32, DType::kI64, DType::kBool};

std::int64_t below(Stream& stream, std::int64_t bound) {
  return static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(bound)));
}

std::string random_text(Stream& stream, std::int64_t most) {
  std::string text(static_cast<std::size_t>(below(stream, most + 1)), ' ');
  for (char& letter : text) letter = static_cast<char>(stream.next_u32());
  return text;
}

std::vector<std::byte> random_bytes(Stream& stream, std::int64_t count, unsigned below_value) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count));
  for (std::byte& value : bytes) value = static_cast<std::byte>(stream.below(below_value));
  return bytes;
}

}  // namespace

Block make_block(const std::string& name, DType dtype, Layout layout, std::vector<std::int64_t> shape,
                 std::vector<std::byte> values, std::vector<std::byte> positions) {
  Block block;
  block.name = name;
  block.dtype = dtype;
  block.layout = layout;
  block.shape = std::move(shape);
  block.values = std::move(values);
  block.positions = std::move(positions);
  return block;
}

Block random_block(Stream& stream, Layout layout) {
  Block block;
  block.name = "block." + random_text(stream, 20);
  block.dtype = kAllDTypes[below(stream, std::size(kAllDTypes))];
  block.layout = layout;
  if (block.dtype == DType::kI8) block.scale = static_cast<float>(stream.uniform());
  for (std::int64_t d = below(stream, 5); d > 0; --d)
    block.shape.push_back(below(stream, 12) == 0 ? 0 : 1 + below(stream, 9));
  const std::int64_t num_elements = block.num_elements();
  std::int64_t num_values = layout == Layout::kDense ? num_elements : below(stream, num_elements + 1);
  if (layout == Layout::kIndices || layout == Layout::kBitmap) {
    auto kept = stream.sample_without_replacement(num_elements, num_values);
    std::sort(kept.begin(), kept.end());
    block.positions.resize(
        static_cast<std::size_t>(layout == Layout::kBitmap ? bitmap_bytes(num_elements) : 4 * num_values));
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const auto index = static_cast<std::uint32_t>(kept[i]);
      if (layout == Layout::kIndices) std::memcpy(block.positions.data() + 4 * i, &index, sizeof(index));
      if (layout == Layout::kBitmap) block.positions[index / 8] |= std::byte{1} << (index % 8);
    }
  }
  const auto width = static_cast<std::int64_t>(bytes_per_element(block.dtype));
  block.values = random_bytes(stream, num_values * width, block.dtype == DType::kBool ? 2 : 256);
  return block;
}

Envelope random_envelope(Stream& stream) {
  Envelope envelope;
  envelope.kind = static_cast<MessageKind>(below(stream, 3));
  envelope.run_id = stream.next_u64();
  envelope.plan_id = stream.next_u64();
  envelope.round = stream.next_u32();
  envelope.client = stream.next_u32();
  const bool has_mask = below(stream, 4) != 0;
  if (has_mask) {
    for (auto& value : envelope.mask_digest.bytes) value = static_cast<std::uint8_t>(stream.next_u32() | 1U);
  }
  envelope.body = random_text(stream, 200);
  for (std::int64_t i = below(stream, 6); i > 0; --i) {
    const auto layout = static_cast<Layout>(below(stream, 4));
    envelope.blocks.push_back(
        random_block(stream, layout == Layout::kOnSupport && !has_mask ? Layout::kDense : layout));
  }
  return envelope;
}

bool equal(const Envelope& a, const Envelope& b) {
  const auto same_block = [](const Block& x, const Block& y) {
    return x.name == y.name && x.dtype == y.dtype && x.layout == y.layout && x.shape == y.shape &&
           std::bit_cast<std::uint32_t>(x.scale) == std::bit_cast<std::uint32_t>(y.scale) && x.values == y.values &&
           x.positions == y.positions;
  };
  return a.kind == b.kind && a.run_id == b.run_id && a.plan_id == b.plan_id && a.round == b.round &&
         a.client == b.client && a.mask_digest == b.mask_digest && a.body == b.body &&
         std::equal(a.blocks.begin(), a.blocks.end(), b.blocks.begin(), b.blocks.end(), same_block);
}

}  // namespace coppice
