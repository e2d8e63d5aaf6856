// A bound on how much of the files that a data set is mapped from stays in the process.
//
// What is read of a mapped file stays with the process until the system wants the room. Where the files are larger than the bound,
// reads are counted, and before they can have brought in more than the bound, all that is mapped is let go: the next read finds
// it in the system's cache or on disk. Bits do not depend on it. Files within the bound are left alone, at no cost.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace coppice {

class ResidentBound {
 public:
  // `mapped` stays valid with `owner`, is read-only and comes from files.
  ResidentBound(std::shared_ptr<const void> owner, std::vector<std::span<const std::byte>> mapped, std::int64_t most_bytes);

  // Threads may share a data set: a page that goes while another thread reads it comes back.
  void touched(std::size_t reads, std::int64_t bytes_of_each) const;
  bool is_exceeded_by_all() const { return exceeded_; }  // whether anything is ever let go
  void let_go() const;

 private:
  std::shared_ptr<const void> owner_;
  std::vector<std::span<const std::byte>> mapped_;
  std::int64_t most_bytes_;
  bool exceeded_ = false;
  mutable std::atomic<std::int64_t> since_{0};  // bytes that reads may have brought in since the last time
};

}  // namespace coppice
