#include "algorithms/aggregation/server_step.h"

#include <cmath>

namespace coppice {
namespace {

// The slot's values to be updated: a copy of the last round's, or `initial` everywhere.
Arena open_slot(const Slots& slots, const std::string& name, const Arena& like, float initial) {
  const auto found = slots.find(name);
  if (found != slots.end()) return found->second->clone();
  Arena fresh = like.zeros_like();
  if (initial != 0.0F) fresh.fill(initial);
  return fresh;
}

// Weights that the mask drops go back to where they started, so that a weight grown later starts there too.
void close_slot(Slots& slots, const std::string& name, Arena arena, float initial, const Mask* mask) {
  if (mask != nullptr) {
    mask->apply_to(arena);
    for (float& value : arena.floats()) value = value == 0.0F ? initial : value;
  }
  slots[name] = std::make_shared<const Arena>(std::move(arena));
}

float sign(float x) { return x > 0.0F ? 1.0F : x < 0.0F ? -1.0F : 0.0F; }

struct Step {
  const Arena& base;
  const Arena& values;  // the change at first, then the next weights
  const Mask* mask;
  Slots& slots;

  // next(weight, change, i) for every weight.
  template <class Next>
  void update(const Next& next) const {
    const auto w = base.floats();
    const auto d = values.floats();
    for (std::size_t i = 0; i < w.size(); ++i) d[i] = next(w[i], d[i], i);
  }

  void operator()(const FedAvgConfig& config) const {
    const auto lr = static_cast<float>(config.lr);
    update([lr](float w, float d, std::size_t) { return w + lr * d; });
  }

  void operator()(const FedAvgMConfig& config) const {
    Arena momentum = open_slot(slots, "momentum", base, 0.0F);
    const auto lr = static_cast<float>(config.lr);
    const auto beta = static_cast<float>(config.momentum);
    const auto v = momentum.floats();
    update([=](float w, float d, std::size_t i) {
      v[i] = beta * v[i] + d;
      return w + lr * v[i];
    });
    close_slot(slots, "momentum", std::move(momentum), 0.0F, mask);
  }

  void operator()(const FedAdamConfig& config) const {
    adapt(config, [](float v, float square, float rest) { return (1.0F - rest) * v + rest * square; });
  }

  void operator()(const FedYogiConfig& config) const {
    adapt(config, [](float v, float square, float rest) { return v - rest * square * sign(v - square); });
  }

  void operator()(const FedAdagradConfig& config) const {
    adapt(config, [](float v, float square, float) { return v + square; });
  }

  // `second_moment(v, delta^2, 1 - b2)` is the rule of the second moment.
  template <class Config, class Second>
  void adapt(const Config& config, const Second& second_moment) const {
    const auto lr = static_cast<float>(config.lr);
    const auto b1 = static_cast<float>(config.beta1);
    float rest = 0.0F;
    if constexpr (requires { config.beta2; }) rest = 1.0F - static_cast<float>(config.beta2);
    const auto tau = static_cast<float>(config.tau);
    Arena first = open_slot(slots, "momentum", base, 0.0F);
    Arena second = open_slot(slots, "second", base, tau * tau);
    const auto m = first.floats();
    const auto v = second.floats();
    update([=](float w, float d, std::size_t i) {
      m[i] = b1 * m[i] + (1.0F - b1) * d;
      v[i] = second_moment(v[i], d * d, rest);
      return w + lr * m[i] / (std::sqrt(v[i]) + tau);
    });
    close_slot(slots, "momentum", std::move(first), 0.0F, mask);
    close_slot(slots, "second", std::move(second), tau * tau, mask);
  }
};

}  // namespace

void FedAvgConfig::visit(FieldVisitor& v) { v.field("lr", lr, "server learning rate", above(0)); }

void FedAvgMConfig::visit(FieldVisitor& v) {
  v.field("lr", lr, "server learning rate", above(0));
  v.field("momentum", momentum, "server momentum", from_below(0, 1));
}

namespace {

template <class Config>
void visit_adaptive(Config& config, FieldVisitor& v) {
  v.field("lr", config.lr, "server learning rate", above(0));
  v.field("beta1", config.beta1, "decay of the first moment", from_below(0, 1));
  if constexpr (requires { config.beta2; }) v.field("beta2", config.beta2, "decay of the second moment", from_below(0, 1));
  v.field("tau", config.tau, "adaptivity: added to the root of the second moment", above(0));
}

}  // namespace

void FedAdamConfig::visit(FieldVisitor& v) { visit_adaptive(*this, v); }
void FedYogiConfig::visit(FieldVisitor& v) { visit_adaptive(*this, v); }
void FedAdagradConfig::visit(FieldVisitor& v) { visit_adaptive(*this, v); }

Arena server_step(const ServerConfig& config, const Arena& base, Arena mean_delta, const Mask* mask, Slots& slots) {
  std::visit(Step{base, mean_delta, mask, slots}, config);
  if (mask != nullptr) mask->apply_to(mean_delta);
  return mean_delta;
}

void restrict_slots(const ServerConfig& config, const Mask& mask, Slots& slots) {
  const float second = std::visit(
      [](const auto& c) {
        if constexpr (requires { c.tau; }) return static_cast<float>(c.tau) * static_cast<float>(c.tau);
        return 0.0F;
      },
      config);
  for (const auto& [name, initial] : {std::pair{"momentum", 0.0F}, std::pair{"second", second}}) {
    const auto found = slots.find(name);
    if (found != slots.end()) close_slot(slots, name, found->second->clone(), initial, &mask);
  }
}

}  // namespace coppice
