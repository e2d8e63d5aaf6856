// Frames from outside: refused with an InputError, or an envelope that encodes to the announced size and comes back the same.
// The same bytes are tried as a mask delta, the other thing that comm/wire/ reads.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "core/error.h"
#include "comm/wire/bits.h"
#include "comm/wire/codec.h"
#include "comm/wire/positions.h"
#include "comm/wire/wire.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void try_frame(std::span<const std::byte> bytes) {
  coppice::Envelope envelope;
  try {
    envelope = coppice::decode(bytes);
  } catch (const coppice::InputError&) {
    return;
  }
  const std::vector<std::byte> frame = coppice::encode(envelope);
  require(frame.size() == coppice::encoded_size(envelope));
  require(coppice::encode(coppice::decode(frame)) == frame);
  for (coppice::Block& block : envelope.blocks) {
    coppice::use_smaller_positions(block);
    if (block.dtype == coppice::DType::kI8 || block.dtype == coppice::DType::kF16) coppice::widen_values(block);
  }
  require(coppice::encoded_size(coppice::decode(coppice::encode(envelope))) == coppice::encoded_size(envelope));
}

void try_mask_delta(std::span<const std::byte> bytes) {
  constexpr std::int64_t kNumElements = 77;
  const std::vector<std::byte> none(static_cast<std::size_t>(coppice::bitmap_bytes(kNumElements)));
  try {
    require(coppice::is_bitmap_of(coppice::apply_mask_delta(none, bytes, kNumElements), kNumElements));
  } catch (const coppice::InputError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try_frame(bytes);
  try_mask_delta(bytes);
  return 0;
}
