// Public, counter-based randomness: a value depends only on (run, round, client, purpose, position), never on call
// order, rank or thread. Philox4x32-10 (Salmon et al., SC'11) from Random123; the distributions are ours, with golden
// numbers, so that they are the same on every compiler and machine. Keys and noise that must be secret come from
// core/secret.h instead.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace coppice {

enum class Purpose : std::uint32_t {
  kInit = 1,
  kPartition,
  kSplit,
  kCohort,
  kShuffle,
  kAugment,
  kMask,
  kCandidates,
  kRounding,
  kScore,
  kTest,
  kBootstrap,
  kTestSecret,
  kNoise,
};

// A point in the tree of streams. Cheap to copy; a value.
struct Seed {
  std::uint64_t run = 0;
  std::uint32_t round = 0;
  std::uint32_t client = 0;

  Seed with_round(std::uint32_t value) const { return {run, value, client}; }
  Seed with_client(std::uint32_t value) const { return {run, round, value}; }
  bool operator==(const Seed&) const = default;
};

// A sequence of random numbers from one seed and purpose (and a free `salt` below 2^24, for instance a layer index).
//
// Key = run; counter = (position, client, round, purpose << 24 | salt): different arguments never share a block. A
// stream holds 2^34 words of 32 bits; past its end, and for a larger salt, it throws.
class Stream {
 public:
  Stream(Seed seed, Purpose purpose, std::uint32_t salt = 0);

  std::uint32_t next_u32();
  std::uint64_t next_u64();
  double uniform();                          // [0, 1), 53 bits
  std::uint64_t below(std::uint64_t bound);  // [0, bound), unbiased (Lemire's rejection); bound >= 1
  double normal();                           // N(0, 1), Box-Muller on two uniforms
  double gamma(double shape);                // Marsaglia & Tsang 2000; shape > 0
  std::vector<double> dirichlet(std::span<const double> alpha);
  void shuffle(std::span<std::int64_t> values);                                                       // Fisher-Yates
  std::vector<std::int64_t> sample_without_replacement(std::int64_t population, std::int64_t count);  // in drawn order

 private:
  void refill();
  double log_gamma_draw(double shape);  // log of gamma(shape), finite where the draw itself underflows

  std::uint32_t key_[2];
  std::uint32_t counter_[4];
  std::uint32_t buffer_[4] = {};
  int used_ = 4;
  bool exhausted_ = false;
};

}  // namespace coppice
