// What must hold between the fields of an envelope, whoever made it.
#pragma once

#include "core/block.h"

namespace coppice {

// Throws InputError, naming block and field, unless for every block
// - the name is not empty; the shape has no negative dim and its product fits in 64 bits;
// - the scale is 1, or for kI8 finite and >= 0; kBool values are 0 or 1;
// - kDense: one value an element. kOnSupport: at most one value an element, and the envelope names a mask.
// - kIndices: one position a value, ascending without repeats, inside the tensor;
// - kBitmap: ceil(n / 8) bytes, as many bits set as there are values, none past the end.
// Every allocation that a receiver makes for the values themselves is then bounded by the bytes it got; the *shape* of a
// sparse block is not, so a receiver compares it with its own before it makes anything of that size.
void check_envelope(const Envelope& envelope);

}  // namespace coppice
