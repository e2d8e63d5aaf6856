#include "algorithms/dynamics/flash.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "models/model.h"

namespace coppice {
namespace {

// Whole numbers that sum to `total`, near `wanted` times one factor, each in [1, most]: what is left over goes to the largest remainders.
std::vector<std::int64_t> apportioned(const std::vector<double>& wanted, const std::vector<std::int64_t>& most, std::int64_t total) {
  const double scale = static_cast<double>(total) / std::accumulate(wanted.begin(), wanted.end(), 0.0);
  std::vector<std::int64_t> counts;
  std::vector<std::pair<double, std::size_t>> remainders;  // smallest first
  std::int64_t left = total;
  for (std::size_t l = 0; l < wanted.size(); ++l) {
    const double exact = wanted[l] * scale;
    counts.push_back(std::clamp(static_cast<std::int64_t>(exact), std::int64_t{1}, most[l]));
    remainders.emplace_back(static_cast<double>(counts[l]) - exact, l);
    left -= counts[l];
  }
  std::stable_sort(remainders.begin(), remainders.end());
  while (left != 0) {
    const std::int64_t before = left;
    for (std::size_t i = 0; i < remainders.size() && left != 0; ++i) {
      const std::size_t l = left > 0 ? remainders[i].second : remainders[remainders.size() - 1 - i].second;
      const std::int64_t step = left > 0 ? 1 : -1;
      if (counts[l] + step < 1 || counts[l] + step > most[l]) continue;
      counts[l] += step;
      left -= step;
    }
    if (left == before) throw Error("flash: " + std::to_string(total) + " weights fit in no layers");
  }
  return counts;
}

class Flash final : public MaskDynamics {
 public:
  explicit Flash(FlashConfig config) : config_(config) {}

  std::optional<GrowthTask> task(const Track& track, std::int64_t round) const override {
    if (!config_.due(round)) return std::nullopt;
    GrowthTask task{.what = GrowthTask::What::kDensities, .tensors = masked_tensors(*track.mask)};
    task.rate = config_.rate * (1.0 - static_cast<double>(round) / static_cast<double>(config_.until));
    task.release.select = Release::Select::kDense;
    return task;
  }

  Mask next_mask(Track& track, const RoundPlan& plan, const Answer& answer) const override {
    const auto model = make_model(track.values->config);
    const std::vector<std::int64_t>& tensors = growth_of(plan).tensors;
    std::vector<double> wanted;
    std::vector<std::int64_t> most;
    std::int64_t total = 0;
    for (const std::int64_t id : tensors) {
      const Bits& kept = track.mask->bits(static_cast<ParamId>(id));
      const double density = answer.scalar("growth/" + (*model->base_layout())[static_cast<int>(id)].name);
      wanted.push_back(density * static_cast<double>(kept.size()));
      most.push_back(kept.size() - 1);  // a matrix that is wholly kept would be the mask's no more
      total += kept.count();
    }
    const std::vector<std::int64_t> counts = apportioned(wanted, most, total);
    std::map<ParamId, Bits> masks = track.mask->elements();
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      const auto tensor = static_cast<ParamId>(tensors[t]);
      Bits& bits = masks.at(tensor);
      const std::vector<std::uint32_t> kept = bits.positions();
      const std::int64_t gained = counts[t] - bits.count();
      for (const std::uint32_t place : smallest_kept(track.values->base.floats(tensor), bits, std::max<std::int64_t>(0, -gained))) {
        bits.set(kept[place], false);
      }
      for (const std::uint32_t i : growth_candidates(*track.mask, tensor, std::max<std::int64_t>(0, gained), plan.seed)) bits.set(i, true);
    }
    return Mask::of_elements(model->base_layout(), model->structure(), std::move(masks));
  }

 private:
  FlashConfig config_;
};

}  // namespace

std::vector<double> redistributed_densities(const Mask& mask, const std::vector<std::int64_t>& tensors, const Arena& base, double rate) {
  std::vector<double> counts, room, shares;
  double freed = 0.0;
  for (const std::int64_t id : tensors) {
    const auto tensor = static_cast<ParamId>(id);
    if (mask.keeps_all(tensor)) throw Error("tensor " + std::to_string(id) + " is wholly kept");
    const Bits& kept = mask.bits(tensor);
    const auto n = static_cast<double>(kept.count());
    double sum = 0.0;
    for (const std::uint32_t i : kept.positions()) sum += std::abs(static_cast<double>(base.floats(tensor)[i]));
    const double gone = std::ceil(rate * n);
    counts.push_back(n - gone);
    room.push_back(static_cast<double>(kept.size()) - counts.back());
    shares.push_back(n > 0.0 ? sum / n : 0.0);
    freed += gone;
  }
  while (freed > 0.0) {
    double open = 0.0;
    for (std::size_t l = 0; l < shares.size(); ++l) open += room[l] > 0.0 ? shares[l] : 0.0;
    if (!(open > 0.0)) break;
    double given = 0.0;
    for (std::size_t l = 0; l < shares.size(); ++l) {
      const double gift = room[l] > 0.0 ? std::min(room[l], freed * shares[l] / open) : 0.0;
      counts[l] += gift;
      room[l] = gift == room[l] ? 0.0 : room[l] - gift;
      given += gift;
    }
    const bool some_full = given < freed * (1.0 - 1e-12);
    freed -= given;
    if (!some_full) break;
  }
  std::vector<double> densities;
  for (std::size_t l = 0; l < tensors.size(); ++l) {
    densities.push_back(counts[l] / static_cast<double>(mask.bits(static_cast<ParamId>(tensors[l])).size()));
  }
  return densities;
}

std::unique_ptr<MaskDynamics> make_dynamics(const FlashConfig& config) { return std::make_unique<Flash>(config); }

void FlashConfig::visit(FieldVisitor& v) {
  AdjustmentTimes::visit(v);
  v.field("rate", rate, "first fraction of a matrix's kept weights that clients deal anew; linear decay to 0", above_to(0, 1));
}

}  // namespace coppice
