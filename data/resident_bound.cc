#include "data/resident_bound.h"

#include <utility>

#include "core/pages.h"

namespace coppice {
namespace {

// One read brings in more than its bytes: Linux maps all of a cached folio where a page of it is touched (since 6.18; 64 KiB before), and
// a file's folios are 2 MiB at most.
constexpr std::int64_t kAround = 2 << 20;

}  // namespace

ResidentBound::ResidentBound(std::shared_ptr<const void> owner, std::vector<std::span<const std::byte>> mapped, std::int64_t most_bytes)
    : owner_(std::move(owner)), mapped_(std::move(mapped)), most_bytes_(most_bytes) {
  std::int64_t all = 0;
  for (const auto& piece : mapped_) all += static_cast<std::int64_t>(piece.size());
  exceeded_ = all > most_bytes_;
}

void ResidentBound::touched(std::size_t reads, std::int64_t bytes_of_each) const {
  if (!exceeded_) return;
  const std::int64_t brought = static_cast<std::int64_t>(reads) * (bytes_of_each + kAround);
  if (since_.fetch_add(brought, std::memory_order_relaxed) + brought < most_bytes_) return;
  let_go();
}

void ResidentBound::let_go() const {
  since_.store(0, std::memory_order_relaxed);
  for (const auto& piece : mapped_) set_aside_pages(piece);
}

}  // namespace coppice
