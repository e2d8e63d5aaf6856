#include "core/allocator.h"

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace coppice {

void pin_allocator() {
#if defined(__GLIBC__)
  constexpr int kMiB = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * kMiB);  // the most glibc allows; also ends its own moving of the threshold
  mallopt(M_MMAP_MAX, 0);                // and for what is larger: no maps of their own at all
  mallopt(M_TRIM_THRESHOLD, -1);         // never
  mallopt(M_TOP_PAD, 64 * kMiB);
  mallopt(M_ARENA_MAX, 1);               // a further arena would map whatever is larger than 64 MiB all the same
#endif
}

void trim_heap() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace coppice
