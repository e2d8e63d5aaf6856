#include "algorithms/training/optimizer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/clones.h"
#include "core/error.h"
#include "models/parallel_rows.h"

namespace coppice {
namespace {

// A step works through each tensor in chunks that stay in the first-level cache, so that its stages cost one pass over memory.
constexpr std::int64_t kChunk = 2048;
using Chunk = std::array<float, kChunk>;

COPPICE_CLONES void widen(const std::uint16_t* low, float* wide, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) wide[i] = std::bit_cast<float>(static_cast<std::uint32_t>(low[i]) << 16U);
}

// Round to nearest even; NaN stays NaN.
COPPICE_CLONES void narrow(const float* wide, std::uint16_t* low, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(wide[i]);
    const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
    const bool nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    low[i] = static_cast<std::uint16_t>(nan ? 0x7FC0U : rounded);
  }
}

COPPICE_CLONES void add_scaled(float* g, const float* x, float scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) g[i] += scale * x[i];
}

COPPICE_CLONES void add_scaled_difference(float* g, const float* x, const float* y, float scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) g[i] += scale * (x[i] - y[i]);
}

COPPICE_CLONES void multiply(float* g, float scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) g[i] *= scale;
}

COPPICE_CLONES void drop(float* x, const std::uint8_t* kept, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = kept[i] != 0 ? x[i] : 0.0F;
}

COPPICE_CLONES void pull_dropped(const float* __restrict w, const std::uint8_t* __restrict kept, float decay, float* __restrict pull,
                                 std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) pull[i] = kept[i] != 0 ? 0.0F : decay * w[i];
}

COPPICE_CLONES bool all_finite(const float* x, std::int64_t n) {
  std::uint32_t special = 0;  // an exponent of all ones is infinity or NaN
  for (std::int64_t i = 0; i < n; ++i) {
    special |= (std::bit_cast<std::uint32_t>(x[i]) & 0x7F800000U) == 0x7F800000U ? 1U : 0U;
  }
  return special == 0;
}

// `pull` is what stands beside the gradient: the decay of shadows, else zeros. `before` and `after` may be one array, which without the
// pragma keeps the compiler from vectors.
COPPICE_CLONES void descend(const float* before, const float* __restrict g, const float* __restrict pull, float* after, float lr,
                            std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) after[i] = before[i] - lr * (g[i] + pull[i]);
}

COPPICE_CLONES void momentum_descend(const float* before, const float* __restrict g, const float* __restrict pull, float* __restrict m,
                                     float* after, float lr, float beta, bool first, bool nesterov, std::int64_t n) {
  if (first) {
    std::copy_n(g, n, m);
  } else {
    for (std::int64_t i = 0; i < n; ++i) m[i] = beta * m[i] + g[i];
  }
  if (nesterov) {
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) after[i] = before[i] - lr * (g[i] + beta * m[i] + pull[i]);
  } else {
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) after[i] = before[i] - lr * (m[i] + pull[i]);
  }
}

struct AdamStep {
  float beta1, beta2, correction, step_size, inverse_root_correction, eps, shrink;
  bool first;
};

COPPICE_CLONES void adam_descend(const float* before, const float* __restrict g, const float* __restrict pull, float* __restrict m,
                                 float* __restrict v, float* after, AdamStep a, std::int64_t n) {
  if (a.first) {
    std::fill_n(m, n, 0.0F);
    std::fill_n(v, n, 0.0F);
  }
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) {
    const float both = g[i] + pull[i];
    m[i] = a.beta1 * m[i] + (1.0F - a.beta1) * g[i];
    v[i] = a.beta2 * v[i] + (1.0F - a.beta2) * both * both;
    after[i] = before[i] * a.shrink -
               a.step_size * (m[i] + a.correction * pull[i]) / (std::sqrt(v[i]) * a.inverse_root_correction + a.eps);
  }
}

std::int64_t chunks_of(std::int64_t numel) { return (numel + kChunk - 1) / kChunk; }

// Chunk by chunk, and these in order, so that threads change no bit.
double squared_norm(const at::Tensor& gradient) {
  const std::int64_t n = gradient.numel();
  const bool low = gradient.scalar_type() == at::kBFloat16;
  std::vector<double> sums(static_cast<std::size_t>(chunks_of(n)));
  for_rows(chunks_of(n), kChunk, [&](std::int64_t begin, std::int64_t end) {
    Chunk wide;
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t start = chunk * kChunk, count = std::min(kChunk, n - start);
      const float* g = wide.data();
      if (low) {
        widen(static_cast<const std::uint16_t*>(gradient.const_data_ptr()) + start, wide.data(), count);
      } else {
        g = gradient.const_data_ptr<float>() + start;
      }
      double sum = 0.0;
      for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(g[i]) * static_cast<double>(g[i]);
      sums[static_cast<std::size_t>(chunk)] = sum;
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void write_forward(const float* values, const at::Tensor& forward, std::int64_t start, std::int64_t n) {
  if (forward.scalar_type() == at::kBFloat16) {
    narrow(values, static_cast<std::uint16_t*>(forward.mutable_data_ptr()) + start, n);
  } else {
    std::copy_n(values, n, forward.mutable_data_ptr<float>() + start);
  }
}

double weight_decay_of(const OptimizerConfig& config) {
  if (const auto* sgd = std::get_if<SgdConfig>(&config)) return sgd->weight_decay;
  if (const auto* adam = std::get_if<AdamConfig>(&config)) return adam->weight_decay;
  return 0.0;  // AdamW shrinks the weights instead
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, std::shared_ptr<const ArenaLayout> layout) : config_(config) {
  const auto* sgd = std::get_if<SgdConfig>(&config_);
  if (sgd == nullptr || sgd->momentum > 0.0) first_ = Arena("first_moment", layout);
  if (sgd == nullptr) second_ = Arena("second_moment", layout);
}

bool Optimizer::step(const Arena& before, std::span<const at::Tensor> gradients, const Arena& after,
                     const StepOptions& options) {
  float clip = 1.0F;
  if (options.clip_norm > 0.0) {
    double sum = 0.0;
    for (const at::Tensor& g : gradients) sum += g.defined() ? squared_norm(g) : 0.0;
    const double norm = std::sqrt(sum);
    if (norm > options.clip_norm) clip = static_cast<float>(options.clip_norm / norm);
  }
  const bool first = steps_ == 0;
  steps_ += 1;
  const auto decay = static_cast<float>(weight_decay_of(config_));
  AdamStep adam{};
  float lr = 0.0F;
  float momentum = 0.0F;
  bool nesterov = false;
  if (const auto* sgd = std::get_if<SgdConfig>(&config_)) {
    lr = static_cast<float>(sgd->lr * options.lr_scale);
    momentum = static_cast<float>(sgd->momentum);
    nesterov = sgd->nesterov;
  } else {
    const auto set = [&](const auto& c, double shrink) {
      const auto t = static_cast<double>(steps_);
      const double correction = 1.0 - std::pow(c.beta1, t);
      adam = {static_cast<float>(c.beta1), static_cast<float>(c.beta2), static_cast<float>(correction),
              static_cast<float>(c.lr * options.lr_scale / correction),
              static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(c.beta2, t))), static_cast<float>(c.eps),
              static_cast<float>(shrink), first};
    };
    if (const auto* a = std::get_if<AdamConfig>(&config_)) set(*a, 1.0);
    if (const auto* a = std::get_if<AdamWConfig>(&config_)) set(*a, 1.0 - a->lr * options.lr_scale * a->weight_decay);
  }

  std::atomic<bool> finite = true;
  for (int tensor = 0; tensor < before.layout().size(); ++tensor) {
    const at::Tensor& gradient = gradients[static_cast<std::size_t>(tensor)];
    const std::int64_t numel = before.layout()[tensor].numel;
    const std::uint8_t* mask = options.kept != nullptr ? options.kept->of(tensor) : nullptr;
    const std::uint8_t* kept = options.shadows ? nullptr : mask;  // of what must be 0
    const bool decays = mask != nullptr && options.shadows && options.shadows->decay != 0.0;
    const bool joins = decays && options.shadows->in_gradient;
    const float* w = before.floats(tensor).data();
    float* next = after.floats(tensor).data();
    float* m = first_.layout().size() > 0 ? first_.floats(tensor).data() : nullptr;
    float* v = second_.layout().size() > 0 ? second_.floats(tensor).data() : nullptr;
    const bool low_gradient = gradient.defined() && gradient.scalar_type() == at::kBFloat16;
    const bool edits =
        clip != 1.0F || options.correction != nullptr || options.prox_mu != 0.0 || decay != 0.0F || kept != nullptr || joins;
    // `g` and `pull` are room to work in. False where a weight is no number any more.
    const auto descend_chunk = [&](std::int64_t start, Chunk& g, Chunk& pull) {
      static constexpr Chunk kNothing{};
      const std::int64_t n = std::min(kChunk, numel - start);
      const float* direction = g.data();
      if (!gradient.defined()) {
        std::fill_n(g.data(), n, 0.0F);
      } else if (low_gradient) {
        widen(static_cast<const std::uint16_t*>(gradient.const_data_ptr()) + start, g.data(), n);
      } else if (edits) {
        std::copy_n(gradient.const_data_ptr<float>() + start, n, g.data());
      } else {
        direction = gradient.const_data_ptr<float>() + start;
      }
      if (clip != 1.0F) multiply(g.data(), clip, n);
      if (options.correction != nullptr) {
        add_scaled(g.data(), options.correction->floats(tensor).data() + start, 1.0F, n);
      }
      if (options.prox_mu != 0.0) {
        add_scaled_difference(g.data(), w + start, options.anchor->floats(tensor).data() + start,
                              static_cast<float>(options.prox_mu), n);
      }
      if (decay != 0.0F) add_scaled(g.data(), w + start, decay, n);
      if (decays) pull_dropped(w + start, mask + start, static_cast<float>(options.shadows->decay), pull.data(), n);
      if (joins) add_scaled(g.data(), pull.data(), 1.0F, n);
      const float* beside = decays && !joins ? pull.data() : kNothing.data();
      if (kept != nullptr) drop(g.data(), kept + start, n);
      if (v != nullptr) {
        adam_descend(w + start, direction, beside, m + start, v + start, next + start, adam, n);
      } else if (m != nullptr) {
        momentum_descend(w + start, direction, beside, m + start, next + start, lr, momentum, first, nesterov, n);
      } else {
        descend(w + start, direction, beside, next + start, lr, n);
      }
      if (kept != nullptr) drop(next + start, kept + start, n);
      if (options.forward != nullptr) {
        std::copy_n(next + start, n, g.data());
        if (mask != nullptr) drop(g.data(), mask + start, n);
        write_forward(g.data(), options.forward->view(tensor), start, n);
      }
      return all_finite(next + start, n);
    };
    for_rows(chunks_of(numel), kChunk, [&](std::int64_t begin, std::int64_t end) {
      Chunk g;
      Chunk pull;
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        if (!descend_chunk(chunk * kChunk, g, pull)) finite = false;
      }
    });
  }
  return finite;
}

void SgdConfig::visit(FieldVisitor& v) {
  v.field("lr", lr, "learning rate", above(0));
  v.field("momentum", momentum, "momentum; the buffer starts as the first gradient", from_below(0, 1));
  v.field("weight_decay", weight_decay, "l2 penalty, added to the gradient", at_least(0));
  v.field("nesterov", nesterov, "look ahead along the momentum");
}

void AdamConfig::visit(FieldVisitor& v) {
  v.field("lr", lr, "learning rate", above(0));
  v.field("beta1", beta1, "decay of the first moment", from_below(0, 1));
  v.field("beta2", beta2, "decay of the second moment", from_below(0, 1));
  v.field("eps", eps, "added to the root of the second moment", above(0));
  v.field("weight_decay", weight_decay, "l2 penalty, added to the gradient", at_least(0));
}

void AdamWConfig::visit(FieldVisitor& v) {
  v.field("lr", lr, "learning rate", above(0));
  v.field("beta1", beta1, "decay of the first moment", from_below(0, 1));
  v.field("beta2", beta2, "decay of the second moment", from_below(0, 1));
  v.field("eps", eps, "added to the root of the second moment", above(0));
  v.field("weight_decay", weight_decay, "decoupled shrinking of the weights", at_least(0));
}

}  // namespace coppice
