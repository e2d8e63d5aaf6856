#include "algorithms/dynamics/prunefl.h"

#include <algorithm>
#include <cmath>

#include "models/model.h"

namespace coppice {
namespace {

// A weight that may be taken up.
struct Offer {
  double worth;  // s / t
  double square;
  double seconds;
  ParamId tensor;
  std::int64_t position;
};

class PruneFl final : public MaskDynamics {
 public:
  explicit PruneFl(PruneFlConfig config) : config_(config) {}

  std::optional<GrowthTask> task(const Track& track, std::int64_t round) const override {
    if (round == 0 || round % config_.every != 0) return std::nullopt;
    GrowthTask task{.what = GrowthTask::What::kSquares, .batches = config_.batches, .batch = config_.batch};
    task.release.select = Release::Select::kDense;
    for (const PatternMatrix& matrix : make_model(track.values->config)->structure().matrices) task.tensors.push_back(matrix.tensor);
    return task;
  }

  Mask next_mask(Track& track, const RoundPlan& plan, const Answer& answer) const override {
    const auto model = make_model(track.values->config);
    const PrunableStructure structure = model->structure();
    const double weight = answer.scalar("growth/weight");
    const double fraction = config_.drop * std::exp2(-static_cast<double>(plan.round) / config_.half_life);
    std::map<ParamId, Bits> masks;
    std::vector<Offer> offers;
    double squares = 0.0, seconds = config_.constant;
    std::int64_t kept = 0, before = 0, all = 0;
    for (const PatternMatrix& matrix : structure.matrices) {
      const std::vector<double> sums = answer.sum("growth/" + (*model->base_layout())[matrix.tensor].name);
      const double cost = config_.per_weight + config_.per_mac * static_cast<double>(matrix.macs_per_weight);
      Bits& stays = masks.emplace(matrix.tensor, stayers(track, matrix.tensor, fraction)).first->second;
      all += stays.size();
      before += track.mask->keeps_all(matrix.tensor) ? stays.size() : track.mask->bits(matrix.tensor).count();
      for (std::int64_t i = 0; i < stays.size(); ++i) {
        const double square = sums[static_cast<std::size_t>(i)] / weight;
        if (!stays[i]) {
          offers.push_back({square / cost, square, cost, matrix.tensor, i});
          continue;
        }
        squares += square;
        seconds += cost;
        ++kept;
      }
    }
    std::stable_sort(offers.begin(), offers.end(), [](const Offer& a, const Offer& b) { return a.worth > b.worth; });
    const std::int64_t most = config_.density > 0.0 ? static_cast<std::int64_t>(config_.density * static_cast<double>(all)) : before;
    for (const Offer& offer : offers) {
      if (kept >= most || offer.worth <= squares / seconds) break;
      squares += offer.square;
      seconds += offer.seconds;
      masks.at(offer.tensor).set(offer.position, true);
      ++kept;
    }
    return Mask::of_elements(model->base_layout(), structure, std::move(masks));
  }

 private:
  // The kept weights of a matrix but for the smallest; at least one.
  static Bits stayers(const Track& track, ParamId tensor, double fraction) {
    const std::span<const float> weights = track.values->base.floats(tensor);
    Bits stays = track.mask->keeps_all(tensor) ? Bits(static_cast<std::int64_t>(weights.size()), true) : track.mask->bits(tensor);
    const std::vector<std::uint32_t> kept = stays.positions();
    const auto going = static_cast<std::int64_t>(
        std::min(fraction * static_cast<double>(kept.size()), static_cast<double>(kept.size()) - 1.0));
    for (const std::uint32_t place : smallest_kept(weights, stays, going)) stays.set(kept[place], false);
    return stays;
  }

  PruneFlConfig config_;
};

}  // namespace

std::unique_ptr<MaskDynamics> make_dynamics(const PruneFlConfig& config) { return std::make_unique<PruneFl>(config); }

void PruneFlConfig::visit(FieldVisitor& v) {
  v.field("every", every, "rounds between adjustments", at_least(1));
  v.field("drop", drop, "fraction of a matrix's kept weights that may go", above_to(0, 1));
  v.field("half_life", half_life, "rounds in which that fraction halves", above(0));
  v.field("density", density, "most that is kept of all matrices; 0 = as much as before", within(0, 1));
  v.field("constant", constant, "seconds of a round that no weight decides", above(0));
  v.field("per_weight", per_weight, "seconds of a round for a weight sent", above(0));
  v.field("per_mac", per_mac, "seconds of a round for a multiply-add of one sample's pass", at_least(0));
  v.field("batches", batches, "batches whose gradients are squared", at_least(1));
  v.field("batch", batch, "samples a batch", at_least(1));
}

}  // namespace coppice
