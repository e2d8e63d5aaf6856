#include "models/next_token.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace coppice {
namespace {

using Candidate = std::pair<double, std::int64_t>;  // a logit, later a probability, and its token

bool before(const Candidate& a, const Candidate& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; }

}  // namespace

TokenSampler::TokenSampler(const SamplingConfig& config, Seed seed) : config_(config), stream_(seed, Purpose::kCandidates) {
  if (!(config.temperature >= 0.0) || !std::isfinite(config.temperature)) {
    throw InputError("temperature: found " + std::to_string(config.temperature) + "; expected a number >= 0");
  }
  if (config.top_k < 0) throw InputError("top-k: found " + std::to_string(config.top_k) + "; expected a number >= 0");
  if (!(config.top_p > 0.0 && config.top_p <= 1.0)) {
    throw InputError("top-p: found " + std::to_string(config.top_p) + "; expected a number above 0 and at most 1");
  }
}

std::int64_t TokenSampler::draw(const at::Tensor& logits_V) {
  const at::Tensor wide_V = logits_V.to(at::kFloat).contiguous();
  const std::span logits(wide_V.const_data_ptr<float>(), static_cast<std::size_t>(wide_V.numel()));
  if (!std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); })) {
    throw InputError("the model's logits are not all finite");
  }
  if (config_.temperature == 0.0) return std::max_element(logits.begin(), logits.end()) - logits.begin();

  std::vector<Candidate> candidates;
  for (const float logit : logits) candidates.emplace_back(static_cast<double>(logit), static_cast<std::int64_t>(candidates.size()));
  const std::size_t kept = config_.top_k == 0 ? candidates.size() : std::min(candidates.size(), static_cast<std::size_t>(config_.top_k));
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept), candidates.end(), before);
  candidates.resize(kept);

  const double largest = candidates.front().first;
  double total = 0.0;
  for (auto& [value, token] : candidates) total += value = std::exp((value - largest) / config_.temperature);
  double mass = 0.0;  // of the tokens that stay
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    mass += candidates[i].first;
    if (mass >= config_.top_p * total) candidates.resize(i + 1);
  }
  double left = stream_.uniform() * mass;
  for (const auto& [value, token] : candidates) {
    left -= value;
    if (left < 0.0) return token;
  }
  return candidates.back().second;  // rounding
}

}  // namespace coppice
