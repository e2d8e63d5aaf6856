#include "algorithms/dynamics/fedmef.h"

#include "models/model.h"

namespace coppice {
namespace {

class FedMef final : public MaskDynamics {
 public:
  explicit FedMef(const FedMefConfig& config) : config_(config), exchange_(make_dynamics(static_cast<const FedTinyConfig&>(config))) {}

  void shape(const Track& track, std::int64_t round, TrainTask& task) const override {
    task.activations = config_.activations;
    std::int64_t next = round;
    while (next < round + config_.window && !config_.due(next)) ++next;
    if (next == round + config_.window) return;
    ExtrusionTask push{.lambda = config_.lambda, .psi = config_.psi, .most = config_.most};
    push.tensors = fedtiny_unit(config_, *track.mask, *make_model(track.values->config), next);
    push.counts = config_.counts(*track.mask, push.tensors, next);
    task.extrusion = std::move(push);
  }

  std::optional<GrowthTask> task(const Track& track, std::int64_t round) const override { return exchange_->task(track, round); }

  Mask next_mask(Track& track, const RoundPlan& plan, const Answer& answer) const override {
    return exchange_->next_mask(track, plan, answer);
  }

 private:
  FedMefConfig config_;
  std::unique_ptr<MaskDynamics> exchange_;
};

}  // namespace

std::unique_ptr<MaskDynamics> make_dynamics(const FedMefConfig& config) { return std::make_unique<FedMef>(config); }

void FedMefConfig::visit(FieldVisitor& v) {
  FedTinyConfig::visit(v);
  v.field("window", window, "rounds up to an adjustment in which the smallest weights are pushed towards 0", at_least(1));
  v.field("lambda", lambda, "strength of the push", at_least(0));
  v.field("psi", psi, "factor on the learning rate while they are pushed", at_least(0));
  v.field("most", most, "largest multiple of the learning rate", at_least(1));
  v.field("activations", activations, "fraction of a product's inputs that its weights' gradient is taken from", above_to(0, 1));
}

}  // namespace coppice
