#include "client/client_training.h"

#include <algorithm>

#include "algorithms/aggregation/fednova.h"
#include "algorithms/exchange/client_cost.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/exchange/submodel.h"
#include "algorithms/taps/sparse_inputs.h"
#include "algorithms/taps/swat.h"
#include "client/batch_reader.h"
#include "client/control_variate.h"
#include "client/selective_updating.h"
#include "data/batches.h"
#include "models/model_ports.h"

namespace coppice {

ReleaseContext ClientTraining::context(const Release& release) const {
  return {.release = release, .mask = plan_.mask.get(), .samples = outcome_.samples, .seed = plan_.seed, .client = client_, .part = plan_.part};
}

TrainingOutcome ClientTraining::run(const TrainTask& task) {
  const std::span<const std::int64_t> mine = data_.samples(Split::kTrain, client_);
  outcome_.samples = static_cast<std::int64_t>(mine.size());
  const Seed seed = plan_.seed.with_client(static_cast<std::uint32_t>(client_));
  BatchOrder order(mine, task.batch, task.epochs, seed, BatchRule{.last = task.last});
  const std::int64_t of_epoch = std::max<std::int64_t>(1, order.num_batches() / std::max<std::int64_t>(1, task.epochs));
  std::int64_t served = 0;
  const double of_position = plan_.part ? training_flops(plan_, task, models_.pass) : models_.position_flops;
  const std::int64_t latents = ports_of(models_.replica.model().config()).latents;
  const BatchSource next = [&](Batch& batch) {
    const std::span<const std::int64_t> indices = order.next();
    if (indices.empty()) return false;
    read_batch(*data_.train, indices, batch);
    const std::int64_t epoch = served++ / of_epoch;
    augment_batch(data_.augmenter, seed, epoch, indices, batch);
    add_noise(latents, seed, epoch, indices, batch);
    outcome_.flops += static_cast<double>(positions_of(batch)) * of_position;
    return true;
  };
  LocalOptions options;
  options.max_steps = plan_.probe ? 1 : task.max_steps;
  options.step.lr_scale = task.lr_scale;
  options.step.prox_mu = task.prox_mu;
  options.step.clip_norm = task.clip_norm;
  if (task.distill) {
    options.guide = [this, &task](const Batch& batch) { return guide_of(*models_.teacher, batch, *task.distill); };
  }
  if (const auto* lora = std::get_if<LoraConfig>(&task.adapter)) {
    train_adapters(task, *lora, next, options);
  } else if (holds_kept_alone(plan_, task)) {
    train_kept(task, next, options);
  } else {
    const std::int64_t all = order.num_batches();
    train_weights(task, next, options.max_steps > 0 ? std::min(options.max_steps, all) : all, options);
  }
  return outcome_;
}

void ClientTraining::train_adapters(const TrainTask& task, const LoraConfig& lora, const BatchSource& next, LocalOptions options) {
  AdapterReplica& adapters = adapters_.emplace(*models_.base, lora, *plan_.adapters, plan_.mask.get());
  Optimizer optimizer(task.optimizer, plan_.adapters->shared_layout());
  options.step.anchor = plan_.adapters.get();
  const Trainee trainee{
      .backward = [&](const Batch& batch, const Guide* guide) { return adapters.backward(batch, plan_.loss, guide); },
      .step = [&](const StepOptions& step) { return adapters.step(optimizer, step); }};
  const LocalResult result = train_locally(trainee, next, options);
  if (!usable(task, result)) return;
  const ReleaseContext release = context(task.release);
  release_difference(release, "train/delta/", adapters.adapters(), *plan_.adapters, report_);
  report_training(task, result, release);
}

// Kept values alone are in memory (algorithms/training/sparse_replica.h).
void ClientTraining::train_kept(const TrainTask& task, const BatchSource& next, LocalOptions options) {
  SparseReplica& replica = sparse_.emplace(models_.replica.shared_model(), *plan_.values, *plan_.mask, task.precision, task.recompute);
  Optimizer optimizer(task.optimizer, replica.base().shared_layout());
  options.step.anchor = &replica.received();
  const Trainee trainee{
      .backward = [&](const Batch& batch, const Guide* guide) { return replica.backward(batch, plan_.loss, guide); },
      .step = [&](const StepOptions& step) { return replica.step(optimizer, step); },
      .has_norms = replica.moments().layout().size() > 0};
  const LocalResult result = train_locally(trainee, next, options);
  if (!usable(task, result)) return;
  ReleaseContext release = context(task.release);
  release.mask = nullptr;  // nothing is dropped of what is there
  release_change(task, result, release, replica.base(), replica.received());
  release_moments(release, replica.moments());
  report_training(task, result, release);
}

void ClientTraining::train_weights(const TrainTask& task, const BatchSource& next, std::int64_t steps, LocalOptions options) {
  Replica& replica = models_.replica;
  const std::shared_ptr<const ModelState>& start = plan_.origin.values ? plan_.origin.values : plan_.values;
  replica.load(start, task.precision);
  replica.set_recompute(task.recompute);
  Optimizer optimizer(task.optimizer, replica.model().base_layout());
  const auto* zerofl = std::get_if<ZeroFlConfig>(&task.sparse);
  std::optional<KeptBytes> kept;
  if (plan_.mask && zerofl == nullptr) kept.emplace(*plan_.mask);
  options.step.kept = kept ? &*kept : nullptr;
  options.step.anchor = &start->base;
  std::optional<ControlVariate> control;
  if (task.scaffold) {
    control.emplace(plan_, client_, store_, replica.model().base_layout());
    options.step.correction = &control->correction();
  }
  if (keeps_shadows(task.sparse) && plan_.mask && zerofl == nullptr) {
    replica.use_shadows(*plan_.mask);
    options.step.shadows = ShadowStep{.in_gradient = std::holds_alternative<SrSteConfig>(task.sparse)};
    options.prepare = [this, &task, steps](std::int64_t step, StepOptions& now) {
      const double rounds_done = static_cast<double>(plan_.round) + static_cast<double>(step + 1) / static_cast<double>(steps);
      now.shadows->decay = decay_at(task.sparse, rounds_done / static_cast<double>(task.rounds));
    };
  }
  std::optional<Extrusion> extrusion;
  if (task.extrusion && plan_.mask) {
    extrusion.emplace(*task.extrusion, *plan_.mask, plan_.values->base, steps);
    options.prepare = [&](std::int64_t step, StepOptions& now) {
      now.lr_scale = task.lr_scale;
      extrusion->prepare(step, replica.base(), now);
    };
  }
  Tap bare;
  SparseInputs sparse(task.activations);
  Swat swat(plan_.mask.get());
  Tap& tap = zerofl != nullptr ? swat : task.activations < 1.0 ? sparse : bare;
  const LocalResult result = train_locally(replica, plan_.loss, optimizer, next, tap, options);
  if (!usable(task, result)) return;
  ReleaseContext release = context(task.release);
  const TensorPositions sent = zerofl == nullptr ? TensorPositions{} : sent_entries(*zerofl, plan_.mask.get(), replica.base(), plan_.values->base);
  release.own = &sent;
  release_change(task, result, release, replica.base(), plan_.values->base);
  if (zerofl != nullptr && averages_senders(*zerofl)) release_senders(release, sent);
  release_moments(release, replica.moments());
  if (control) {
    const double lr = std::get<SgdConfig>(task.optimizer).lr * task.lr_scale;
    to_store_ = control->update(replica.base(), plan_.values->base, static_cast<double>(result.steps) * lr, report_,
                                plan_.mask.get());
  }
  if (plan_.personal) release_mask(release);
  report_training(task, result, release);
}

// The mask travels in the round that makes it.
void ClientTraining::release_mask(const ReleaseContext& release) {
  const Model& model = models_.replica.model();
  for (const PatternMatrix& matrix : model.structure().matrices) {
    const ArenaEntry& entry = (*model.base_layout())[matrix.tensor];
    const Bits kept = plan_.mask->keeps_all(matrix.tensor) ? Bits(entry.numel, true) : plan_.mask->bits(matrix.tensor);
    release_votes(release, held_block(entry), kept.positions(), report_, plan_.origin.values == nullptr);
  }
  to_store_ = plan_.mask->to_blocks();
}

bool ClientTraining::usable(const TrainTask& task, const LocalResult& result) {
  outcome_.finite = result.finite;
  if (result.finite && result.steps == 0) outcome_.samples = 0;
  if (!result.finite || result.steps == 0) return false;
  if (!task.selective || plan_.probe) return true;
  const double loss = result.sums.loss_sum / static_cast<double>(result.sums.samples);
  outcome_.withheld = !(loss < last_reported_loss(plan_, client_, store_));
  if (!outcome_.withheld) to_store_ = {reported_loss(loss)};
  return !outcome_.withheld;
}

void ClientTraining::release_change(const TrainTask& task, const LocalResult& result, const ReleaseContext& release, const Arena& after,
                                    const Arena& before) {
  const double steps = task.per_step ? effective_steps(task.optimizer, result.steps) : 1.0;
  release_difference(release, "train/delta/", after, before, report_, 1.0 / steps);
  if (task.per_step) report_.add_scalar("train/effective", weight_of(release) * steps);
}

void ClientTraining::release_senders(const ReleaseContext& release, const TensorPositions& sent) {
  const ArenaLayout& layout = plan_.values->base.layout();
  for (const auto& [tensor, positions] : sent) release_votes(release, kSentBlocks + layout[tensor].name, positions, report_, true);
}

void ClientTraining::report_training(const TrainTask& task, const LocalResult& result, const ReleaseContext& release) {
  report_.add_scalar("train/weight", weight_of(release));
  if (plan_.part && !plan_.personal) {
    report_.add_scalar(held_block(plan_.variants[0]), weight_of(release));
    if (task.loss_drop) report_.add_scalar(drop_block(plan_.variants[0]), weight_of(release) * loss_drop(result));
  }
  report_.add_scalar("train/loss", result.sums.loss_sum);
  report_.add_scalar("train/hits", result.sums.hits);
  report_.add_scalar("train/samples", static_cast<double>(result.sums.samples));
  report_.add_scalar("train/steps", static_cast<double>(result.steps));
}

void ClientTraining::release_moments(const ReleaseContext& release, const Arena& moments) {
  const std::vector<std::string> norms = norm_names(moments.layout());
  const std::vector<Bits> held = plan_.part && !norms.empty() ? held_moments(models_.replica.model(), *plan_.mask) : std::vector<Bits>{};
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const auto mean = moments.floats(static_cast<int>(2 * i));
    const auto var = moments.floats(static_cast<int>(2 * i + 1));
    std::vector<double> means(mean.begin(), mean.end());
    std::vector<double> squares(mean.size());
    for (std::size_t c = 0; c < mean.size(); ++c) {
      if (!held.empty() && !held[2 * i][static_cast<std::int64_t>(c)]) means[c] = 0.0;
      else squares[c] = static_cast<double>(var[c]) + means[c] * means[c];
    }
    release_sums(release, "train/mean/" + norms[i], std::move(means), true, report_);
    release_sums(release, "train/square/" + norms[i], std::move(squares), true, report_);
  }
}

}  // namespace coppice
