// Zeroed memory outside the C library's heap: resident only where it was written, and given back to the system with its
// owner. For what is large and outlives a step; what comes and goes with every step belongs in the heap, which keeps its
// pages (core/allocator.h).
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace coppice {

class Pages {
 public:
  Pages() = default;
  // Throws Error where the system has no address space left.
  explicit Pages(std::size_t bytes);
  // The same in a file without a name in `folder`, so that it need not stay in memory between two uses (set_aside).
  // Memory like any other where the folder has no room for it.
  Pages(std::size_t bytes, const std::string& folder);
  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) noexcept;
  ~Pages();

  std::span<std::byte> bytes() const { return bytes_; }

  // Takes a file's pages out of the process until they are touched again; the system writes them back when it needs the
  // room. Without a file it does nothing.
  void set_aside() const;

 private:
  std::span<std::byte> release();

  std::span<std::byte> bytes_;
  bool in_file_ = false;
};

// Takes a range that is mapped from a file, and was not written, out of the process until it is next read.
void set_aside_pages(std::span<const std::byte> mapped);

}  // namespace coppice
