#include "comm/wire/frame_layout.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "comm/wire/envelope.capnp.h"

namespace coppice {
namespace {

constexpr std::size_t kWordBytes = 8;
constexpr std::size_t kMaxStructureWords = (std::size_t{256} << 20) / kWordBytes;

std::size_t words_for(std::size_t bytes) { return bytes / kWordBytes + (bytes % kWordBytes != 0 ? 1 : 0); }

template <class Struct>
constexpr std::size_t struct_words() {
  return Struct::_capnpPrivate::dataWordSize + Struct::_capnpPrivate::pointerCount;
}

// A text ends in a zero byte; a list of structs starts with a tag word; a list of Data is one pointer a part.
std::size_t structure_words(std::size_t body_bytes, std::span<const BlockExtent> blocks, const FrameLimits& limits) {
  constexpr std::size_t kRootPointer = 1;
  std::size_t words =
      kRootPointer + struct_words<wire::Envelope>() + words_for(sizeof(Digest::bytes)) + words_for(body_bytes + 1) + 1;
  for (const BlockExtent& block : blocks) {
    words += struct_words<wire::Block>() + words_for(block.name_bytes + 1) + block.num_dims +
             num_parts(block.value_bytes, limits) + num_parts(block.position_bytes, limits);
  }
  return words;
}

}  // namespace

BlockExtent extent_of(const Block& block) {
  return {block.name.size(), block.shape.size(), block.values.size(), block.positions.size()};
}

std::size_t FrameLayout::table_bytes() const {
  return words_for(sizeof(std::uint32_t) * (segment_words.size() + 1)) * kWordBytes;
}

std::size_t FrameLayout::frame_bytes() const {
  std::size_t words = 0;
  for (const std::size_t segment : segment_words) words += segment;
  return table_bytes() + words * kWordBytes;
}

std::size_t num_parts(std::size_t bytes, const FrameLimits& limits) {
  return bytes / limits.part_bytes + (bytes % limits.part_bytes != 0 ? 1 : 0);
}

FrameLayout frame_layout(std::size_t body_bytes, std::span<const BlockExtent> blocks, const FrameLimits& limits) {
  FrameLayout layout{{structure_words(body_bytes, blocks, limits)}};
  if (layout.segment_words[0] > kMaxStructureWords) {
    throw Error("a frame's names, shapes and body take " + std::to_string(layout.segment_words[0] * kWordBytes) +
                " bytes, expected at most " + std::to_string(kMaxStructureWords * kWordBytes));
  }
  const std::size_t segment_limit = limits.segment_bytes / kWordBytes;
  std::size_t filled = segment_limit;
  const auto add_parts = [&](std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += limits.part_bytes) {
      const std::size_t words = words_for(std::min(limits.part_bytes, bytes - at)) + 1;
      if (filled + words > segment_limit) {
        layout.segment_words.push_back(0);
        filled = 0;
      }
      filled += words;
      layout.segment_words.back() = filled;
    }
  };
  for (const BlockExtent& block : blocks) {
    add_parts(block.value_bytes);
    add_parts(block.position_bytes);
  }
  return layout;
}

FrameLayout frame_layout(const Envelope& envelope, const FrameLimits& limits) {
  std::vector<BlockExtent> extents;
  for (const Block& block : envelope.blocks) extents.push_back(extent_of(block));
  return frame_layout(envelope.body.size(), extents, limits);
}

std::size_t encoded_size(std::size_t body_bytes, std::span<const BlockExtent> blocks) {
  return frame_layout(body_bytes, blocks).frame_bytes();
}

std::size_t encoded_size(const Envelope& envelope) { return frame_layout(envelope).frame_bytes(); }

}  // namespace coppice
