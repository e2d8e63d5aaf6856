#include "algorithms/methods/fedmp.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algorithms/exchange/plan_codec.h"
#include "algorithms/exchange/submodel.h"
#include "algorithms/importance/magnitude.h"
#include "algorithms/methods/submodels.h"
#include "models/model.h"

namespace coppice {
namespace {

constexpr std::uint32_t kPullSalt = 4;  // beside the other draws of a cohort
constexpr double kLeastGap = 0.05;      // of the mean time

std::string agent_of(std::int64_t client) { return "fedmp/" + std::to_string(client); }

// As the state keeps them: fraction, reward, fraction, ...
std::vector<Pull> pulls_of(const State& state, std::int64_t client) {
  std::vector<Pull> pulls;
  const auto found = state.numbers.find(agent_of(client));
  if (found == state.numbers.end()) return pulls;
  for (std::size_t i = 0; i + 1 < found->second.size(); i += 2) pulls.push_back({found->second[i], found->second[i + 1]});
  return pulls;
}

std::vector<Piece> pieces_of(const FedMpConfig& config, const std::vector<Pull>& pulls) {
  std::vector<Piece> pieces = {{0.0, config.most}};
  for (const Pull& pull : pulls) {
    const auto piece = std::find_if(pieces.begin(), pieces.end(), [&](const Piece& p) { return pull.pruned < p.end; });
    if (piece == pieces.end() || piece->end - piece->begin <= config.interval || pull.pruned <= piece->begin) continue;
    const Piece right{pull.pruned, piece->end};
    piece->end = pull.pruned;
    pieces.insert(piece + 1, right);
  }
  return pieces;
}

// Of a client in the round of a plan; what the state knows stays as it is until the round is learned from.
double drawn_fraction(const FedMpConfig& config, const State& state, Seed plan, std::int64_t client) {
  const Piece piece = next_piece(config, pulls_of(state, client));
  Stream draw(plan.with_client(static_cast<std::uint32_t>(client)), Purpose::kCohort, kPullSalt);
  return piece.begin + (piece.end - piece.begin) * draw.uniform();
}

}  // namespace

Piece next_piece(const FedMpConfig& config, const std::vector<Pull>& pulls) {
  const std::vector<Piece> pieces = pieces_of(config, pulls);
  double largest = 0.0;
  for (const Pull& pull : pulls) largest = std::max(largest, std::abs(pull.reward));
  std::vector<double> counts(pieces.size(), 0.0), rewards(pieces.size(), 0.0);
  double weight = 1.0, all = 0.0;
  for (std::size_t s = pulls.size(); s-- > 0; weight *= config.discount) {
    std::size_t j = 0;
    while (j + 1 < pieces.size() && pulls[s].pruned >= pieces[j].end) ++j;
    counts[j] += weight;
    rewards[j] += largest > 0.0 ? weight * pulls[s].reward / largest : 0.0;
    all += weight;
  }
  std::size_t best = 0;
  double highest = -HUGE_VAL;
  for (std::size_t j = 0; j < pieces.size(); ++j) {
    if (counts[j] == 0.0) return pieces[j];
    const double bound = rewards[j] / counts[j] + std::sqrt(2.0 * std::log(std::max(all, 1.0)) / counts[j]);
    if (bound > highest) {
      highest = bound;
      best = j;
    }
  }
  return pieces[best];
}

Mask pruned_by_norm(const Model& model, const Arena& base, double pruned) {
  const PrunableStructure structure = model.structure();
  const std::vector<double> norms = magnitude_units(MagnitudeConfig{}, structure, base).fine;
  std::vector<int> rank(norms.size(), 0);  // within the family, the largest first
  for (const Family& family : structure.families) {
    std::vector<int> order(static_cast<std::size_t>(family.num_groups));
    std::iota(order.begin(), order.end(), family.first_group);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return norms[static_cast<std::size_t>(a)] > norms[static_cast<std::size_t>(b)]; });
    for (std::size_t place = 0; place < order.size(); ++place) rank[static_cast<std::size_t>(order[place])] = static_cast<int>(place);
  }
  return unit_mask(model, [&](const Group& group, int width) {
    const int first = structure.families[static_cast<std::size_t>(group.family)].first_group;
    return rank[static_cast<std::size_t>(first + group.unit)] < width - static_cast<int>(pruned * width);
  });
}

void assign_pruned(const FedMpConfig& config, const State& state, RoundPlan& plan) {
  const auto model = make_model(plan.values->config);
  std::get<TrainTask>(plan.tasks.at(0)).loss_drop = true;
  for (const std::int64_t client : plan.cohort) {
    const double pruned = drawn_fraction(config, state, plan.seed, client);
    plan.assignment[client] = static_cast<std::int64_t>(plan.variants.size());
    plan.variants.push_back({agent_of(client), std::make_shared<const Mask>(pruned_by_norm(*model, plan.values->base, pruned)), nullptr});
  }
}

Arena mean_with_residuals(const RoundPlan& plan, const TrainSums& sums) {
  return sums.mean("train/delta/", sums.sum("train/weight").at(0), plan.values->base, nullptr);
}

void learn_from_times(const FedMpConfig& config, const Population& population, const RoundPlan& plan, const Answer& answer, State& state,
                      StepRecord& record) {
  std::map<std::int64_t, double> seconds;
  double all = 0.0, density = 0.0;
  for (const ClientOutcome& outcome : answer.roster()) {
    if (outcome.declined != Decline::kNone) continue;
    const RoundPlan part = submodel_plan(plan, plan.assignment.at(outcome.client));
    const auto down = static_cast<double>(plan_bytes(part, part.mask));
    const Device& device = population.devices.at(static_cast<std::size_t>(outcome.client));
    all += seconds[outcome.client] = virtual_cost(device, down, outcome.flops, static_cast<double>(outcome.bytes_up)).seconds;
    density += part.mask->density();
  }
  const auto clients = static_cast<double>(seconds.size());
  record.numbers["sparse/density"] = density / clients;
  for (const auto& [client, spent] : seconds) {
    const Variant& variant = plan.variants.at(static_cast<std::size_t>(plan.assignment.at(client)));
    const double drop = answer.scalar(drop_block(variant)) / answer.scalar(held_block(variant));
    const double gap = std::abs(spent * clients / all - 1.0);
    const double pruned = drawn_fraction(config, state, plan.seed, client);
    std::vector<double>& pulls = state.numbers[agent_of(client)];
    pulls.insert(pulls.end(), {pruned, drop / std::max(gap, kLeastGap)});
  }
}

void FedMpConfig::visit(FieldVisitor& v) {
  v.field("most", most, "largest fraction of every layer's units that a client goes without", above_to(0, 1));
  v.field("discount", discount, "weight of a reward against that of the client's next one", above_to(0, 1));
  v.field("interval", interval, "length of the fractions' intervals at which they are cut no further", above_to(0, 1));
}

}  // namespace coppice
