#include "core/seed.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>

#include <Random123/philox.h>

#include "core/draw_block.h"
#include "core/error.h"
#include "core/portable_math.h"

namespace coppice {
namespace {

constexpr std::uint32_t kSaltBits = 24;

__extension__ using Uint128 = unsigned __int128;

void check_salt(std::uint32_t salt) {
  if (salt >> kSaltBits != 0) throw Error("a stream's salt must be below 2^24, found " + std::to_string(salt));
}

std::array<std::uint32_t, 4> philox(const std::uint32_t (&key)[2], const std::uint32_t (&counter)[4]) {
  const r123::Philox4x32::ctr_type at = {{counter[0], counter[1], counter[2], counter[3]}};
  const auto words = r123::Philox4x32()(at, r123::Philox4x32::key_type{{key[0], key[1]}});
  return {words[0], words[1], words[2], words[3]};
}

}  // namespace

std::array<std::uint32_t, 4> draw_block(Seed seed, Purpose purpose, std::uint32_t salt, std::uint32_t block) {
  check_salt(salt);
  return philox({static_cast<std::uint32_t>(seed.run), static_cast<std::uint32_t>(seed.run >> 32)},
                {block, seed.client, seed.round, (static_cast<std::uint32_t>(purpose) << kSaltBits) | salt});
}

std::array<double, 4> normal_block(Seed seed, Purpose purpose, std::uint32_t salt, std::uint32_t block) {
  const std::array<std::uint32_t, 4> words = draw_block(seed, purpose, salt, block);
  std::array<double, 4> draws{};
  for (std::size_t pair = 0; pair < 4; pair += 2) {
    const double radius = std::sqrt(-2.0 * portable_log((words[pair] + 1.0) * 0x1p-32));
    const double turn = words[pair + 1] * 0x1p-32;
    draws[pair] = radius * portable_cos_of_turn(turn);
    draws[pair + 1] = radius * portable_cos_of_turn(turn < 0.25 ? turn + 0.75 : turn - 0.25);  // the sine
  }
  return draws;
}

Stream::Stream(Seed seed, Purpose purpose, std::uint32_t salt)
    : key_{static_cast<std::uint32_t>(seed.run), static_cast<std::uint32_t>(seed.run >> 32)},
      counter_{0, seed.client, seed.round, (static_cast<std::uint32_t>(purpose) << kSaltBits) | salt} {
  check_salt(salt);
}

void Stream::refill() {
  if (exhausted_) throw Error("a random stream ran past its 2^34 words; split it by salt");
  const auto words = philox(key_, counter_);
  std::copy(words.begin(), words.end(), buffer_);
  exhausted_ = ++counter_[0] == 0;
  used_ = 0;
}

std::uint32_t Stream::next_u32() {
  if (used_ == 4) refill();
  return buffer_[used_++];
}

std::uint64_t Stream::next_u64() {
  const std::uint64_t low = next_u32();
  return low | static_cast<std::uint64_t>(next_u32()) << 32;
}

double Stream::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

std::uint64_t Stream::below(std::uint64_t bound) {
  if (bound == 0) throw Error("below(0): there is no number to draw");
  Uint128 product = static_cast<Uint128>(next_u64()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t surplus = (0 - bound) % bound;  // 2^64 mod bound
    while (static_cast<std::uint64_t>(product) < surplus) product = static_cast<Uint128>(next_u64()) * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Stream::normal() {
  const double radius = std::sqrt(-2.0 * portable_log(1.0 - uniform()));
  return radius * portable_cos_of_turn(uniform());
}

double Stream::log_gamma_draw(double shape) {
  if (!(shape > 0.0) || !std::isfinite(shape)) throw Error("gamma: the shape must be > 0 and finite");
  // Gamma(a) = Gamma(a + 1) U^(1/a) for a < 1 (their section 6).
  const double boost = shape < 1.0 ? portable_log(1.0 - uniform()) / shape : 0.0;
  const double d = (shape < 1.0 ? shape + 1.0 : shape) - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  while (true) {
    const double x = normal();
    const double root = 1.0 + c * x;
    if (root <= 0.0) continue;
    const double v = root * root * root;
    const double log_v = portable_log(v);
    if (portable_log(1.0 - uniform()) < 0.5 * x * x + d - d * v + d * log_v) return portable_log(d) + log_v + boost;
  }
}

double Stream::gamma(double shape) { return portable_exp(log_gamma_draw(shape)); }

std::vector<double> Stream::dirichlet(std::span<const double> alpha) {
  // Normalized from logarithms: with a small alpha every gamma draw may underflow, their shares do
  // not.
  std::vector<double> shares;
  shares.reserve(alpha.size());
  for (const double shape : alpha) shares.push_back(log_gamma_draw(shape));
  if (shares.empty()) return shares;
  const double largest = *std::max_element(shares.begin(), shares.end());
  double total = 0.0;
  for (double& share : shares) {
    share = portable_exp(share - largest);
    total += share;
  }
  for (double& share : shares) share /= total;
  return shares;
}

void Stream::shuffle(std::span<std::int64_t> values) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
}

std::vector<std::int64_t> Stream::sample_without_replacement(std::int64_t population, std::int64_t count) {
  if (count < 0 || count > population) {
    throw Error("cannot draw " + std::to_string(count) + " of " + std::to_string(population) + " without replacement");
  }
  // The first `count` steps of a shuffle of 0..population-1, holding only the entries that moved.
  std::unordered_map<std::int64_t, std::int64_t> moved;
  const auto at = [&moved](std::int64_t i) {
    const auto found = moved.find(i);
    return found == moved.end() ? i : found->second;
  };
  std::vector<std::int64_t> drawn;
  drawn.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t j = i + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(population - i)));
    drawn.push_back(at(j));
    moved[j] = at(i);
    moved.erase(i);  // never looked at again: later draws lie above i
  }
  return drawn;
}

}  // namespace coppice
