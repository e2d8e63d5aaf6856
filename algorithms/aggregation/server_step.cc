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

void close_slot(Slots& slots, const std::string& name, Arena arena, const Mask* mask) {
  if (mask != nullptr) mask->apply_to(arena);
  slots[name] = std::make_shared<const Arena>(std::move(arena));
}

struct Step {
  const Arena& delta;
  const Mask* mask;
  Slots& slots;
  Arena& next;

  void operator()(const FedAvgConfig& config) const {
    const auto lr = static_cast<float>(config.lr);
    const auto d = delta.floats();
    const auto w = next.floats();
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += lr * d[i];
  }

  void operator()(const FedAvgMConfig& config) const {
    Arena momentum = open_slot(slots, "momentum", next, 0.0F);
    const auto lr = static_cast<float>(config.lr);
    const auto beta = static_cast<float>(config.momentum);
    const auto d = delta.floats();
    const auto v = momentum.floats();
    const auto w = next.floats();
    for (std::size_t i = 0; i < w.size(); ++i) {
      v[i] = beta * v[i] + d[i];
      w[i] += lr * v[i];
    }
    close_slot(slots, "momentum", std::move(momentum), mask);
  }

  void operator()(const FedAdamConfig& config) const {
    Arena first = open_slot(slots, "momentum", next, 0.0F);
    Arena second = open_slot(slots, "second", next, static_cast<float>(config.tau * config.tau));
    const auto lr = static_cast<float>(config.lr);
    const auto b1 = static_cast<float>(config.beta1);
    const auto b2 = static_cast<float>(config.beta2);
    const auto tau = static_cast<float>(config.tau);
    const auto d = delta.floats();
    const auto m = first.floats();
    const auto v = second.floats();
    const auto w = next.floats();
    for (std::size_t i = 0; i < w.size(); ++i) {
      m[i] = b1 * m[i] + (1.0F - b1) * d[i];
      v[i] = b2 * v[i] + (1.0F - b2) * d[i] * d[i];
      w[i] += lr * m[i] / (std::sqrt(v[i]) + tau);
    }
    close_slot(slots, "momentum", std::move(first), mask);
    close_slot(slots, "second", std::move(second), mask);
  }
};

}  // namespace

void FedAvgConfig::visit(FieldVisitor& v) { v.field("lr", lr, "server learning rate", above(0)); }

void FedAvgMConfig::visit(FieldVisitor& v) {
  v.field("lr", lr, "server learning rate", above(0));
  v.field("momentum", momentum, "server momentum", within(0, 1));
}

void FedAdamConfig::visit(FieldVisitor& v) {
  v.field("lr", lr, "server learning rate", above(0));
  v.field("beta1", beta1, "decay of the first moment", within(0, 1));
  v.field("beta2", beta2, "decay of the second moment", within(0, 1));
  v.field("tau", tau, "adaptivity: added to the root of the second moment", above(0));
}

Arena server_step(const ServerConfig& config, const Arena& base, const Arena& mean_delta, const Mask* mask, Slots& slots) {
  Arena next = base.clone();
  std::visit(Step{mean_delta, mask, slots, next}, config);
  if (mask != nullptr) mask->apply_to(next);
  return next;
}

}  // namespace coppice
