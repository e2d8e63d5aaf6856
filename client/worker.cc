#include "client/worker.h"

#include <cmath>

#include "algorithms/compensation/bias.h"
#include "algorithms/exchange/client_cost.h"
#include "algorithms/exchange/report_blocks.h"
#include "algorithms/exchange/submodel.h"
#include "algorithms/importance/activation_tap.h"
#include "algorithms/taps/batch_norm_moments.h"
#include "algorithms/taps/input_products.h"
#include "client/batch_reader.h"
#include "client/client_training.h"
#include "client/growth_answer.h"
#include "client/hessian_gradient.h"
#include "client/personal_mask.h"
#include "core/error.h"
#include "core/live_bytes.h"
#include "core/phase_timer.h"
#include "models/counted_tensors.h"
#include "models/measures.h"

namespace coppice {
namespace {

// One client at work on one plan. Tasks at received weights come first, then training, then tasks at trained weights.
class Play {
 public:
  Play(const RoundPlan& plan, std::int64_t client, const ClientData& data, const ClientStore& store, ClientModels& models,
       HiddenStates& hidden, Report& report)
      : plan_(plan), client_(client), data_(data), store_(store), models_(models), replica_(models.replica), hidden_(hidden),
        report_(report), pass_(models.pass) {}

  void run() {
    for (const Task& task : plan_.tasks) {
      if (!looks_at_trained(task) && !std::holds_alternative<TrainTask>(task)) carry_out(task);
    }
    for (const Task& task : plan_.tasks) {
      if (std::holds_alternative<TrainTask>(task)) carry_out(task);
    }
    for (const Task& task : plan_.tasks) {
      if (looks_at_trained(task)) carry_out(task);
    }
  }

  bool finite() const { return finite_; }
  bool withheld() const { return withheld_; }
  std::int64_t samples() const { return samples_; }
  double flops() const { return flops_; }
  // To be kept at the client once its report is accepted.
  std::vector<Block> take_store() { return training_ ? training_->take_store() : std::vector<Block>{}; }

 private:
  static bool looks_at_trained(const Task& task) {
    return std::visit(
        [](const auto& t) {
          if constexpr (requires { t.at; }) return t.at == At::kTrained;
          return false;
        },
        task);
  }

  void carry_out(const Task& task) {
    if (finite_) std::visit([this](const auto& t) { perform(t); }, task);
  }

  void charge(const Batch& batch, double flops_of_position) { flops_ += static_cast<double>(positions_of(batch)) * flops_of_position; }

  ReleaseContext context(const Release& release, std::int64_t samples) const {
    return {.release = release, .mask = plan_.mask.get(), .samples = samples, .seed = plan_.seed, .client = client_, .part = plan_.part};
  }

  // The first `batches` batches of the client's shuffled samples; 0 = all.
  template <class Use>
  std::int64_t for_first_batches(Split split, std::int64_t batches, std::int64_t size, const Use& use) {
    return for_batches(data_.dataset(split), data_.samples(split, client_), batches, size, use);
  }

  template <class Use>
  std::int64_t for_batches(const Dataset& dataset, std::span<const std::int64_t> left, std::int64_t batches, std::int64_t size,
                           const Use& use) {
    std::int64_t seen = 0;
    Batch batch;
    for (std::int64_t b = 0; (batches == 0 || b < batches) && !left.empty(); ++b) {
      const auto take = std::min<std::size_t>(left.size(), static_cast<std::size_t>(size));
      read_batch(dataset, left.first(take), batch);
      use(batch);
      seen += static_cast<std::int64_t>(take);
      left = left.subspan(take);
    }
    return seen;
  }

  void perform(const TrainTask& task) {
    if (task.lottery) ticket_ = ticket_plan(plan_, *task.lottery, replica_.model(), [&] { return accuracy(task); });
    training_.emplace(ticket_ ? *ticket_ : plan_, client_, data_, store_, models_, report_);
    const TrainingOutcome outcome = training_->run(task);
    finite_ = outcome.finite;
    withheld_ = outcome.withheld;
    samples_ = outcome.samples;
    flops_ += outcome.flops;
  }

  // Of the received weights on the client's training samples.
  double accuracy(const TrainTask& task) {
    replica_.load(plan_.values, task.precision);
    Tap tap;
    double hits = 0.0;
    std::int64_t count = 0;
    for_first_batches(Split::kTrain, plan_.probe ? 1 : 0, task.lottery->batch, [&](const Batch& batch) {
      charge(batch, pass_.forward(plan_.mask.get()));
      hits += hits_of(plan_.loss, replica_.logits(batch, tap, Mode::kEval), batch.targets);
      count += count_of(plan_.loss, batch.targets);
    });
    return count > 0 ? hits / static_cast<double>(count) : 0.0;
  }

  std::int64_t look_at_batches(const EstimateTask& task, std::int64_t batches, ImportanceEstimator& estimator) {
    Tap bare;
    Tap& tap = estimator.tap() != nullptr ? *estimator.tap() : bare;
    const Mask* mask = plan_.mask.get();
    return for_first_batches(Split::kTrain, batches, task.batch, [&](const Batch& batch) {
      charge(batch, estimator.needs_gradient() ? pass_.forward(mask) + pass_.backward(mask) : pass_.forward(mask));
      if (estimator.needs_gradient()) {
        const auto take = [&](ParamId tensor, const at::Tensor& gradient) {
          estimator.take_gradient(tensor, replica_.base().floats(tensor), gradient, batch.size());
        };
        finite_ = finite_ && std::isfinite(replica_.backward(batch, plan_.loss, tap, Mode::kEval, false, nullptr, take).loss_sum);
      } else {
        replica_.logits(batch, tap, Mode::kEval);
      }
      estimator.observe(replica_.base(), batch.size());
    });
  }

  // H g of the loss summed over the samples looked at, in the place of g.
  std::int64_t look_at_curvature(const GraspConfig& grasp, const EstimateTask& task, std::int64_t batches, ImportanceEstimator& estimator) {
    const auto here = std::make_shared<const ModelState>(
        ModelState{replica_.model().config(), replica_.base().clone(), replica_.moments().clone()});
    std::int64_t seen = 0;
    const Arena product = hessian_gradient(here, grasp.step, [&](const std::shared_ptr<const ModelState>& state) {
      replica_.load(state, Precision::kF32);  // a difference of bfloat16 gradients would be noise
      Arena total = state->base.zeros_like();
      Tap tap;
      seen = for_first_batches(Split::kTrain, batches, task.batch, [&](const Batch& batch) {
        charge(batch, pass_.forward(plan_.mask.get()) + pass_.backward(plan_.mask.get()));
        const auto take = [&](ParamId tensor, const at::Tensor& gradient) { total.view(tensor).add_(gradient); };
        finite_ = finite_ && std::isfinite(replica_.backward(batch, plan_.loss, tap, Mode::kEval, false, nullptr, take).loss_sum);
      });
      for (float& value : total.floats()) value /= static_cast<float>(std::max<std::int64_t>(seen, 1));
      return total;
    });
    replica_.load(here, task.precision);  // for the tasks behind this one
    if (seen == 0) return 0;
    for (float& value : product.floats()) value *= static_cast<float>(seen);
    for (int tensor = 0; tensor < here->base.layout().size(); ++tensor) {
      estimator.take_gradient(tensor, here->base.floats(tensor), product.view(tensor), seen);
    }
    estimator.observe(here->base, seen);
    return seen;
  }

  void perform(const EstimateTask& task) {
    if (task.at == At::kReceived) replica_.load(plan_.values, task.precision);
    const ScoreRequest request = score_request(task);
    const auto estimator = make_estimator(task.importance, replica_.model(), request);
    replica_.set_recompute(task.recompute);
    const std::int64_t batches = plan_.probe ? 1 : task.batches;
    const auto* grasp = std::get_if<GraspConfig>(&task.importance);
    const std::int64_t seen = grasp != nullptr ? look_at_curvature(*grasp, task, batches, *estimator) : look_at_batches(task, batches, *estimator);
    samples_ = std::max(samples_, seen);
    const auto reference = plan_.references.find(kAgreementReference);
    std::vector<double> public_scores;
    if (reference != plan_.references.end()) {
      const auto* values = reinterpret_cast<const double*>(reference->second.values.data());
      public_scores.assign(values, values + reference->second.num_values());
    }
    release_scores(context(task.release, seen), "estimate/", estimator->blocks(), estimator->finish(),
                   public_scores.empty() ? nullptr : &public_scores, report_);
  }

  void perform(const MeasureTask& task) {
    if (task.at == At::kReceived) replica_.load(plan_.values, task.precision);
    Tap tap;
    const InputMeans means = means_in(plan_.references, plan_.values->base.layout());
    for (const Variant& variant : effective_variants(plan_)) {
      if (!means.empty() && variant.mask) {
        replica_.load(std::make_shared<const ModelState>(bias_compensated(*plan_.values, replica_.model(), *variant.mask, means)),
                      task.precision);
      } else if (task.at == At::kReceived) {
        replica_.use_variant(variant.mask.get(), variant.moments.get());
      }
      MeasureSums details(plan_.loss, outputs_of(replica_.model()));
      double loss = 0.0;
      double hits = 0.0;
      std::int64_t count = 0;
      const double forward = pass_.forward(variant.mask ? variant.mask.get() : plan_.mask.get());
      const std::int64_t seen = for_first_batches(task.split, plan_.probe ? 1 : 0, task.batch, [&](const Batch& batch) {
        charge(batch, forward);
        const at::Tensor logits = replica_.logits(batch, tap, Mode::kEval);
        loss += loss_sum(plan_.loss, logits, batch.targets).item<double>();
        hits += hits_of(plan_.loss, logits, batch.targets);
        count += count_of(plan_.loss, batch.targets);
        if (task.details) details.add(logits, batch.targets);
      });
      samples_ = std::max(samples_, seen);
      const std::string prefix = "measure/" + variant.name;
      report_.add_scalar(prefix + "/loss", loss);
      report_.add_scalar(prefix + "/hits", hits);
      report_.add_scalar(prefix + "/count", static_cast<double>(count));
      if (task.details) report_.add(prefix + "/details", details.flat());
      finite_ = finite_ && std::isfinite(loss);
    }
  }

  // The blocks that the task looks into, with `tap` on; a probe sees one batch.
  void look_into(const CollectTask& task, Tap& tap) {
    replica_.load(plan_.values, task.precision);
    HiddenStates::Entry& entry = hidden_.of(plan_, task, client_);
    if (entry.batches.empty()) {
      entry.samples = for_first_batches(Split::kTrain, task.batches, task.batch,
                                        [&](const Batch& batch) {
                                          entry.batches.push_back(replica_.input(batch));
                                          entry.positions += static_cast<double>(positions_of(batch));
                                        });
    }
    samples_ = std::max(samples_, entry.samples);
    Tap bare;
    // Blocks count alike: what a pass through one of them needs is not declared.
    const double blocks = static_cast<double>(task.last_block + 1 - entry.block) / replica_.model().num_blocks();
    flops_ += blocks * pass_.forward(plan_.mask.get()) * entry.positions;
    for (; entry.block < task.first_block; ++entry.block) {
      for (at::Tensor& hidden : entry.batches) hidden = replica_.block(entry.block, hidden, bare);
    }
    for (at::Tensor hidden : entry.batches) {
      for (std::int64_t b = task.first_block; b <= task.last_block; ++b) hidden = replica_.block(static_cast<int>(b), hidden, tap);
      if (plan_.probe) break;
    }
  }

  void collect_sums(const CollectTask& task) {
    ActivationTap tap(std::vector<int>(task.tensors.begin(), task.tensors.end()));
    look_into(task, tap);
    if (samples_ == 0) return;
    for (auto& [tensor, inputs] : tap.take()) {
      const std::string& name = replica_.model().base_layout()->entries()[static_cast<std::size_t>(tensor)].name;
      release_sums(context(task.release, samples_), "collect//sum/" + name, std::move(inputs.sums), false, report_);
      report_.add_scalar("collect//positions/" + name, inputs.positions);
    }
  }

  void collect_products(const CollectTask& task) {
    InputProducts tap(task.tensors, plan_.probe);
    look_into(task, tap);
    if (samples_ == 0) return;
    for (const std::int64_t tensor : task.tensors) {
      const std::string& name = replica_.model().base_layout()->entries()[static_cast<std::size_t>(tensor)].name;
      report_.add("collect//product/" + name, tap.take(static_cast<ParamId>(tensor)), 1.0, DType::kF32);
    }
  }

  void perform(const CollectTask& task) {
    if (task.statistic == CollectTask::Statistic::kInputSums) return collect_sums(task);
    if (task.statistic == CollectTask::Statistic::kInputProducts) return collect_products(task);
    const std::vector<std::string> norms = norm_names(*replica_.model().moments_layout());
    replica_.load(plan_.values, task.precision);
    for (const Variant& variant : effective_variants(plan_)) {
      replica_.use_variant(variant.mask.get(), variant.moments.get());
      BatchNormMoments tap;
      const double forward = pass_.forward(variant.mask ? variant.mask.get() : plan_.mask.get());
      const std::int64_t batches = plan_.probe ? 1 : task.batches;
      std::int64_t used = 0;
      for_first_batches(Split::kTrain, batches, task.batch, [&](const Batch& batch) {
        if (batch.size() < 2) return;
        charge(batch, forward);
        replica_.logits(batch, tap, Mode::kTrain);
        used += batch.size();
      });
      samples_ = std::max(samples_, used);
      if (used == 0) return;
      const std::string prefix = "collect/" + variant.name;
      for (std::size_t i = 0; i < norms.size(); ++i) {
        const BatchNormMoments::Sums& sums = tap.sums()[i];
        report_.add(prefix + "/sum/" + norms[i], sums.sum_C);
        std::vector<double> squares = sums.square_C;
        // The mean of variances wants each client's own: what is left of x^2 without the spread between clients.
        for (std::size_t c = 0; !task.pooled && c < squares.size(); ++c) squares[c] -= sums.sum_C[c] * sums.sum_C[c] / sums.count;
        report_.add(prefix + "/square/" + norms[i], std::move(squares));
        report_.add_scalar(prefix + "/count/" + norms[i], sums.count);
      }
    }
  }

  // In the order of the epoch after those that the plan's training has (data/batches.h).
  std::vector<std::int64_t> samples_to_train_on_next() const {
    const std::span<const std::int64_t> mine = data_.samples(Split::kTrain, client_);
    std::vector<std::int64_t> order(mine.begin(), mine.end());
    std::uint32_t epoch = 0;
    for (const Task& task : plan_.tasks) {
      if (const auto* train = std::get_if<TrainTask>(&task)) epoch = static_cast<std::uint32_t>(train->epochs);
    }
    Stream(plan_.seed.with_client(static_cast<std::uint32_t>(client_)), Purpose::kShuffle, epoch).shuffle(order);
    return order;
  }

  void perform(const GrowthTask& task) {
    if (task.at == At::kReceived) replica_.load(plan_.values, Precision::kF32);
    GrowthAnswer answer(task, plan_.mask.get(), plan_.seed);
    std::int64_t seen = samples_;
    if (answer.needs_gradient()) {
      double of_position = pass_.forward(plan_.mask.get()) + pass_.to_inputs(plan_.mask.get());
      for (const std::int64_t tensor : task.tensors) of_position += pass_.to_weights(static_cast<ParamId>(tensor));
      Tap tap;
      // Eval mode: looking at gradients must not move the running statistics that training reports.
      const std::vector<std::int64_t> next = samples_to_train_on_next();
      seen = for_batches(data_.dataset(Split::kTrain), next, task.batches, task.batch, [&](const Batch& batch) {
        charge(batch, of_position);
        const auto take = [&](ParamId tensor, const at::Tensor& gradient) { answer.take(tensor, gradient.to(at::kFloat), batch.size()); };
        finite_ = finite_ && std::isfinite(replica_.backward(batch, plan_.loss, tap, Mode::kEval, false, nullptr, take).loss_sum);
      });
    }
    if (seen == 0) return;
    samples_ = std::max(samples_, seen);
    answer.release(context(task.release, samples_), replica_.base(), seen, report_);
  }

  const RoundPlan& plan_;
  std::int64_t client_;
  const ClientData& data_;
  const ClientStore& store_;
  ClientModels& models_;
  Replica& replica_;
  HiddenStates& hidden_;
  std::optional<RoundPlan> ticket_;         // what is trained, where that is the client's to say
  std::optional<ClientTraining> training_;  // lives as long as the report, which reads what it made
  Report& report_;
  const PassFlops& pass_;
  double flops_ = 0.0;
  bool finite_ = true;
  bool withheld_ = false;
  std::int64_t samples_ = 0;
};

}  // namespace

Worker::Worker(std::shared_ptr<const ClientData> data, ClientStore store)
    : data_(std::move(data)), store_(std::move(store)) {
  count_tensors();
}

std::vector<ClientOutcome> Worker::play(const RoundPlan& plan, std::span<const std::int64_t> clients,
                                        const std::vector<ReportBlock>& blocks, const Deliver& deliver) {
  const bool looks_inside = std::any_of(plan.tasks.begin(), plan.tasks.end(), [](const Task& task) {
    const auto* collect = std::get_if<CollectTask>(&task);
    return collect != nullptr && collect->statistic != CollectTask::Statistic::kBatchNorm;
  });
  if (!looks_inside) hidden_ = {};
  const bool copies = std::any_of(plan.tasks.begin(), plan.tasks.end(), [&plan](const Task& task) {
    const auto* train = std::get_if<TrainTask>(&task);
    return train != nullptr && holds_kept_alone(plan, *train);
  });
  const bool own_values = copies || plan.personal;
  // A client's weights as received: what all clients of a rank read, unless each has a copy of its own.
  const std::int64_t received = own_values ? 0 : plan.values->base.flat().nbytes() + plan.values->moments.flat().nbytes();
  const std::int64_t before = live_bytes() - received;
  ClientModels models(plan);
  std::vector<ClientOutcome> outcomes;
  std::map<std::int64_t, RoundPlan> parts;  // by variant, where clients are assigned one
  for (const std::int64_t client : clients) {
    take_live_peak();
    const RoundPlan* own = &plan;
    if (!plan.assignment.empty()) {
      const std::int64_t variant = plan.assignment.at(client);
      if (!parts.contains(variant)) parts.emplace(variant, submodel_plan(plan, variant));
      own = &parts.at(variant);
    }
    std::optional<RoundPlan> personal;
    if (plan.personal) own = &personal.emplace(personal_plan(plan, stored_mask(plan, client, store_, models.replica.model())));
    outcomes.push_back(play_one(*own, client, blocks, models, deliver));
    if (plan.personal) outcomes.back().dropped = own->mask->total() - own->mask->kept();
    outcomes.back().peak_bytes = take_live_peak() - before;
  }
  return outcomes;
}

ClientOutcome Worker::play_one(const RoundPlan& plan, std::int64_t client, const std::vector<ReportBlock>& blocks,
                               ClientModels& models, const Deliver& deliver) {
  const double start = steady_seconds();
  ClientOutcome outcome{.client = client};
  Report report(blocks);
  Play play(plan, client, *data_, store_, models, hidden_, report);
  play.run();
  outcome.samples = play.samples();
  outcome.flops = play.flops();
  if (!play.finite()) {
    outcome.declined = Decline::kNotFinite;
  } else if (outcome.samples == 0) {
    outcome.declined = Decline::kNoSamples;
  } else if (play.withheld()) {
    outcome.declined = Decline::kWithheld;
  } else {
    outcome.bytes_up = report_bytes(report, blocks);
    outcome.declined = deliver(client, report);
  }
  std::vector<Block> kept = play.take_store();
  if (outcome.declined == Decline::kNone && !kept.empty() && !plan.probe) {
    const auto version = plan.store_versions.find(client);
    store_.write(client, plan.id, version == plan.store_versions.end() ? 0 : version->second, std::move(kept));
  }
  plan.values->base.set_aside();
  outcome.seconds = steady_seconds() - start;
  return outcome;
}

}  // namespace coppice
