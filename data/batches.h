// The order in which a client's examples are trained on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/config.h"
#include "core/seed.h"

namespace coppice {

struct BatchRule {
  // What becomes of the examples of an epoch that do not fill a batch.
  enum class Last : std::uint8_t {
    kDropUnlessOnly,  // left out, unless the client has no full batch: nobody is without a step, no other step is small
    kDrop,            // left out: a client with less than a batch takes no step
    kKeep,
  };

  Last last = Last::kDropUnlessOnly;
  std::int64_t min_size = 1;  // smaller batches are skipped; 2 where a batch norm needs a variance
  bool shuffle = true;        // false: every epoch in the order given

  void visit(FieldVisitor& v) {
    v.choice("last", last, {"drop-unless-only", "drop", "keep"}, "examples of an epoch that do not fill a batch");
    v.field("min_size", min_size, "smaller batches are skipped; 2 where a batch norm needs a variance", at_least(1));
    v.field("shuffle", shuffle, "a new order each epoch");
  }
};

// Yields the batches of all epochs. Epoch e is the given order shuffled by stream (seed, kShuffle, e): it depends
// neither on the epochs before it nor on what else ran. Holds one epoch's order, 8 bytes an example; `samples` must
// outlive it.
class BatchOrder {
 public:
  // `seed` carries run, round and client. size >= 1, epochs >= 0, else Error.
  BatchOrder(std::span<const std::int64_t> samples, std::int64_t size, std::int64_t epochs, Seed seed,
             BatchRule rule = {});

  std::int64_t num_batches() const { return epochs_ * batches_per_epoch_; }
  std::int64_t samples_per_epoch() const { return samples_per_epoch_; }  // that some batch holds

  // The next batch, valid until the next call; empty at the end.
  std::span<const std::int64_t> next();

 private:
  void begin_epoch();

  std::span<const std::int64_t> samples_;
  std::int64_t size_;
  std::int64_t epochs_;
  Seed seed_;
  bool shuffle_;
  std::int64_t samples_per_epoch_ = 0;
  std::int64_t batches_per_epoch_ = 0;
  std::int64_t served_ = 0;  // batches so far
  std::vector<std::int64_t> order_;
};

}  // namespace coppice
