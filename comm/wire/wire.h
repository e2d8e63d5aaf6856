// Envelope <-> frame: the bytes that travel. A frame is one Cap'n Proto message (envelope.capnp) in the standard stream
// framing, a multiple of 8 bytes long; tensors are cut in parts of at most 32 MiB. docs/wire.md has the format.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/block.h"
#include "comm/wire/frame_layout.h"

namespace coppice {

// One copy of the tensors, straight into their place. An envelope that breaks check_envelope's rules is a defect: Error.
std::vector<std::byte> encode(const Envelope& envelope, const FrameLimits& limits = {});

// For bytes from outside, at any alignment. Throws InputError, one line, on everything that is not exactly one well-formed
// frame; allocates no more than a small multiple of the frame's length whatever the bytes say. What it returns satisfies
// check_envelope.
Envelope decode(std::span<const std::byte> frame);

}  // namespace coppice
