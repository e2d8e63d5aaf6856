// The C library's allocator, set up for training.
#pragma once

namespace coppice {

// Keeps freed memory in the process. By default glibc gives large tensors back to the kernel at every step and takes
// them, page by page, at the next: up to 1.65 times the whole step. Call once, before the first tensor. Memory freed is
// reused but the resident set does not shrink. Does nothing with another C library.
void pin_allocator();

// Gives what is free in the heap back to the system after all: for the end of a phase whose memory is not that of the next, such as
// reading a model.
void trim_heap();

}  // namespace coppice
