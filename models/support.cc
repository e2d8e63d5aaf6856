#include "models/support.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "core/clones.h"
#include "core/error.h"

namespace coppice {
namespace {

static_assert(std::endian::native == std::endian::little, "bit b of byte k of a word is element 8 k + b");

constexpr std::uint64_t kAllSet = ~std::uint64_t{0};

// For each byte of a bitmap the eight words that, and-ed with eight elements, keep or clear them: no branch and no
// multiply, so NaN clears as well.
template <class Word>
constexpr auto make_keep_table() {
  std::array<std::array<Word, 8>, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit)
      table[byte][bit] = (byte >> bit & 1U) != 0 ? static_cast<Word>(~Word{0}) : Word{0};
  }
  return table;
}
alignas(64) constexpr auto kKeep32 = make_keep_table<std::uint32_t>();
alignas(64) constexpr auto kKeep16 = make_keep_table<std::uint16_t>();

template <class Word>
const std::array<std::array<Word, 8>, 256>& keep_table() {
  if constexpr (sizeof(Word) == 4) {
    return kKeep32;
  } else {
    return kKeep16;
  }
}

template <class Word>
void clear_unset(std::uint64_t word, std::byte* elements) {
  for (int i = 0; i < 8; ++i, word >>= 8) {
    const auto& keep = keep_table<Word>()[word & 255U];
    Word eight[8];
    std::memcpy(eight, elements, sizeof eight);
    for (int j = 0; j < 8; ++j) eight[j] &= keep[static_cast<std::size_t>(j)];
    std::memcpy(elements, eight, sizeof eight);
    elements += sizeof eight;
  }
}

template <class Word>
void zero_unset(const Bits& support, std::span<std::byte> bytes) {
  std::byte* at = bytes.data();
  std::int64_t left = support.size();
  for (const std::uint64_t word : support.words()) {
    if (left >= 64) {
      if (word == 0) {
        std::memset(at, 0, 64 * sizeof(Word));
      } else if (word != kAllSet) {
        clear_unset<Word>(word, at);
      }
    } else {
      for (std::int64_t j = 0; j < left; ++j) {
        if ((word >> j & 1U) == 0) std::memset(at + static_cast<std::size_t>(j) * sizeof(Word), 0, sizeof(Word));
      }
    }
    at += 64 * sizeof(Word);
    left -= 64;
  }
}

void check_size(std::size_t dense, std::int64_t bits) {
  if (dense == static_cast<std::size_t>(bits)) return;
  throw Error("a support over " + std::to_string(bits) + " elements does not fit a tensor of " + std::to_string(dense));
}

void check_sizes(std::size_t dense, std::int64_t bits, std::size_t kept, std::int64_t set) {
  check_size(dense, bits);
  if (kept == static_cast<std::size_t>(set)) return;
  throw Error("a support that keeps " + std::to_string(set) + " elements does not fit " + std::to_string(kept) +
              " values");
}

// Inlined into each clone below, so that it is compiled for each instruction set.
template <class Word>
[[gnu::always_inline]] inline void gather(std::span<const Word> dense, const Bits& support, std::span<Word> kept) {
  check_sizes(dense.size(), support.size(), kept.size(), support.count());
  const Word* from = dense.data();
  Word* to = kept.data();
  for (std::uint64_t word : support.words()) {
    if (word == kAllSet) {
      std::memcpy(to, from, 64 * sizeof(Word));
      to += 64;
    } else {
      for (; word != 0; word &= word - 1) *to++ = from[std::countr_zero(word)];
    }
    from += 64;
  }
}

template <class Word>
[[gnu::always_inline]] inline void scatter(std::span<const Word> kept, const Bits& support, std::span<Word> dense) {
  check_sizes(dense.size(), support.size(), kept.size(), support.count());
  const Word* from = kept.data();
  Word* to = dense.data();
  std::size_t left = dense.size();
  for (std::uint64_t word : support.words()) {
    if (word == kAllSet) {
      std::memcpy(to, from, 64 * sizeof(Word));
      from += 64;
    } else {
      if (left >= 64) {
        std::memset(to, 0, 64 * sizeof(Word));  // of constant size: stores, not a call
      } else {
        std::memset(to, 0, left * sizeof(Word));
      }
      for (; word != 0; word &= word - 1) to[std::countr_zero(word)] = *from++;
    }
    to += 64;
    left -= std::min<std::size_t>(left, 64);
  }
}

}  // namespace

COPPICE_CLONES void gather_kept(std::span<const float> dense, const Bits& support, std::span<float> kept) { gather(dense, support, kept); }

COPPICE_CLONES void gather_kept(std::span<const std::uint16_t> dense, const Bits& support, std::span<std::uint16_t> kept) {
  gather(dense, support, kept);
}

void gather_kept(std::span<const float> dense, const Bits& support, std::vector<float>& kept) {
  kept.resize(static_cast<std::size_t>(support.count()));
  gather_kept(dense, support, std::span<float>(kept));
}

COPPICE_CLONES void scatter_kept(std::span<const float> kept, const Bits& support, std::span<float> dense) { scatter(kept, support, dense); }

COPPICE_CLONES void scatter_kept(std::span<const std::uint16_t> kept, const Bits& support, std::span<std::uint16_t> dense) {
  scatter(kept, support, dense);
}

COPPICE_CLONES void zero_dropped(const Bits& support, std::span<float> dense) {
  check_size(dense.size(), support.size());
  zero_unset<std::uint32_t>(support, std::as_writable_bytes(dense));
}

COPPICE_CLONES void zero_dropped(const Bits& support, std::span<std::uint16_t> dense) {
  check_size(dense.size(), support.size());
  zero_unset<std::uint16_t>(support, std::as_writable_bytes(dense));
}

at::ScalarType scalar_type_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return at::kFloat;
    case DType::kF64:
      return at::kDouble;
    case DType::kF16:
      return at::kHalf;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kI8:
      return at::kChar;
    case DType::kU8:
      return at::kByte;
    case DType::kI32:
      return at::kInt;
    case DType::kI64:
      return at::kLong;
    case DType::kBool:
      return at::kBool;
  }
  throw Error("dtype " + std::to_string(static_cast<int>(dtype)) + " is not one of ours");
}

}  // namespace coppice
