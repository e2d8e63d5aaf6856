#include "algorithms/training/sparse_config.h"

namespace coppice {
namespace {

void visit_lambda(FieldVisitor& v, double& lambda) {
  v.field("lambda", lambda, "decay of the weights that the mask drops", at_least(0));
}

void visit_refresh(FieldVisitor& v, std::int64_t& refresh) {
  v.field("refresh", refresh, "rounds between masks made anew from the magnitudes of all weights", at_least(1));
}

}  // namespace

bool keeps_shadows(const SparseConfig& config) { return !std::holds_alternative<FixedMask>(config); }

bool refresh_due(const SparseConfig& config, std::int64_t round, std::int64_t rounds) {
  if (std::holds_alternative<ZeroFlConfig>(config)) return true;
  return std::visit(
      [&](const auto& c) {
        if constexpr (requires { c.refresh; }) return (round + 1) % c.refresh == 0 && round + 1 < rounds;
        return false;
      },
      config);
}

double decay_at(const SparseConfig& config, double progress) {
  if (const auto* sr_ste = std::get_if<SrSteConfig>(&config)) return sr_ste->lambda;
  const auto* ast = std::get_if<AstConfig>(&config);
  if (ast == nullptr) return 0.0;
  return progress < ast->anneal ? ast->lambda * progress / ast->anneal : ast->lambda;
}

void SteConfig::visit(FieldVisitor& v) { visit_refresh(v, refresh); }

void SrSteConfig::visit(FieldVisitor& v) {
  visit_lambda(v, lambda);
  visit_refresh(v, refresh);
}

void AstConfig::visit(FieldVisitor& v) {
  visit_lambda(v, lambda);
  v.field("anneal", anneal, "fraction of the stage's steps over which the decay grows from 0", within(0, 1));
  visit_refresh(v, refresh);
}

}  // namespace coppice
