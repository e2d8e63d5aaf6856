// How many bytes a frame takes and how they are cut, from sizes alone: the law that `encode` follows and that the traffic
// of virtual clients is counted by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/block.h"

namespace coppice {

// The defaults are the format; smaller ones are for tests. Readers take any cut.
struct FrameLimits {
  std::size_t part_bytes = std::size_t{32} << 20;    // the longest Data; a multiple of 8
  std::size_t segment_bytes = std::size_t{1} << 30;  // the longest segment that holds parts; at least part_bytes + 8
};

// What of a block decides its size in a frame.
struct BlockExtent {
  std::size_t name_bytes = 0;
  std::size_t num_dims = 0;
  std::size_t value_bytes = 0;
  std::size_t position_bytes = 0;
};
BlockExtent extent_of(const Block& block);

// Segment 0 holds the structure and the texts, the others hold the parts in order, each part behind one landing word.
struct FrameLayout {
  std::vector<std::size_t> segment_words;

  std::size_t table_bytes() const;  // the standard stream framing's header, a multiple of 8
  std::size_t frame_bytes() const;
};

std::size_t num_parts(std::size_t bytes, const FrameLimits& limits);

// Throws Error where names, shapes and body alone pass 256 MiB.
FrameLayout frame_layout(std::size_t body_bytes, std::span<const BlockExtent> blocks, const FrameLimits& limits = {});
FrameLayout frame_layout(const Envelope& envelope, const FrameLimits& limits = {});

// Exactly encode(envelope).size(), without touching a value.
std::size_t encoded_size(std::size_t body_bytes, std::span<const BlockExtent> blocks);
std::size_t encoded_size(const Envelope& envelope);

}  // namespace coppice
