#include "data/partition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <queue>
#include <utility>

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::int32_t kNobody = -1;

// Salts of Purpose::kPartition: one stream for each use, so that no draw depends on another.
constexpr std::uint32_t kOrderSalt = 0;   // of a class's, or all, examples
constexpr std::uint32_t kShareSalt = 1;   // of proportions
constexpr std::uint32_t kDeckSalt = 2;    // of classes or column values
constexpr std::uint32_t kMoveSalt = 3;    // of examples that top up a small client
constexpr std::uint32_t kClientSalt = 4;  // of a client's own list

// Streams that belong to a class take its number in place of the client's.
Stream stream(Seed seed, std::uint32_t salt, std::int64_t index = 0) {
  return Stream(seed.with_client(static_cast<std::uint32_t>(index)), Purpose::kPartition, salt);
}

// The index of `client_of`, each client's list shuffled. Throws InputError naming a client without data.
Partition gather(std::span<const std::int32_t> client_of, std::int64_t num_clients, Seed seed) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(num_clients) + 1, 0);
  for (const std::int32_t c : client_of) {
    if (c != kNobody) ++offsets[static_cast<std::size_t>(c) + 1];
  }
  for (std::size_t c = 1; c < offsets.size(); ++c) {
    if (offsets[c] == 0) throw InputError("client " + std::to_string(c - 1) + " has no data");
    offsets[c] += offsets[c - 1];
  }
  std::vector<std::int64_t> samples(static_cast<std::size_t>(offsets.back()));
  // Each client's end doubles as its cursor: filled from behind, it arrives at the client's first place.
  for (std::size_t i = client_of.size(); i-- > 0;) {
    if (client_of[i] == kNobody) continue;
    samples[static_cast<std::size_t>(--offsets[static_cast<std::size_t>(client_of[i]) + 1])] =
        static_cast<std::int64_t>(i);
  }
  offsets.erase(offsets.begin());
  offsets.push_back(static_cast<std::int64_t>(samples.size()));
  for (std::size_t c = 0; c + 1 < offsets.size(); ++c) {
    const auto begin = static_cast<std::size_t>(offsets[c]);
    const auto end = static_cast<std::size_t>(offsets[c + 1]);
    stream(seed, kClientSalt, static_cast<std::int64_t>(c)).shuffle(std::span(samples).subspan(begin, end - begin));
  }
  return Partition(std::move(offsets), std::move(samples));
}

std::vector<std::int64_t> shuffled(std::vector<std::int64_t> values, Stream draws) {
  draws.shuffle(values);
  return values;
}

std::vector<std::int64_t> first_numbers(std::int64_t count) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

void check_clients(std::int64_t clients, const Dataset& data, std::int64_t min_samples = 1) {
  if (clients < 1) throw InputError("clients: found " + std::to_string(clients) + ", expected at least 1");
  if (clients > data.size()) {
    throw InputError("found " + std::to_string(clients) + " clients for " + std::to_string(data.size()) +
                     " examples; expected at least one example a client");
  }
  if (clients > std::numeric_limits<std::int32_t>::max()) throw InputError("more clients than 2^31 - 1");
  if (min_samples > data.size() / clients) {
    throw InputError("min_samples: found " + std::to_string(min_samples) + " for each of " + std::to_string(clients) +
                     " clients; " + std::to_string(data.size()) + " examples allow at most " +
                     std::to_string(data.size() / clients));
  }
}

// The examples of each class, in ascending order; classes without examples are empty.
std::vector<std::vector<std::int64_t>> examples_by_class(const Dataset& data) {
  if (data.classes().empty()) {
    throw InputError("it needs class labels, and these are " + data.spec().describe() +
                     "; expected one of: iid, quantity, by-column");
  }
  std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(data.spec().num_targets));
  for (std::size_t i = 0; i < data.classes().size(); ++i) {
    members[static_cast<std::size_t>(data.classes()[i])].push_back(static_cast<std::int64_t>(i));
  }
  return members;
}

// Cuts `examples` at the cumulated shares and gives the parts to clients 0, 1, ...
void deal_by_shares(std::span<const std::int64_t> examples, const std::vector<double>& shares,
                    std::vector<std::int32_t>& client_of) {
  double cumulated = 0.0;
  std::size_t at = 0;
  for (std::size_t c = 0; c < shares.size(); ++c) {
    cumulated += shares[c];
    const bool last = c + 1 == shares.size();  // rounding must not strand the last examples
    const auto end =
        last ? examples.size()
             : std::min(examples.size(), static_cast<std::size_t>(cumulated * static_cast<double>(examples.size())));
    for (; at < end; ++at) client_of[static_cast<std::size_t>(examples[at])] = static_cast<std::int32_t>(c);
  }
}

// Moves single examples, each drawn at random from the client that then has the most (of equals the lowest), until
// every client has `least`.
void top_up(std::vector<std::int32_t>& client_of, std::int64_t clients, std::int64_t least, Seed seed) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(clients), 0);
  for (const std::int32_t c : client_of) ++sizes[static_cast<std::size_t>(c)];
  if (*std::min_element(sizes.begin(), sizes.end()) >= least) return;
  std::vector<std::vector<std::int64_t>> members(sizes.size());
  for (std::size_t i = 0; i < client_of.size(); ++i) {
    members[static_cast<std::size_t>(client_of[i])].push_back(static_cast<std::int64_t>(i));
  }
  using Donor = std::pair<std::int64_t, std::int64_t>;  // examples, -client
  std::priority_queue<Donor> donors;
  for (std::int64_t c = 0; c < clients; ++c) donors.emplace(sizes[static_cast<std::size_t>(c)], -c);
  Stream draws = stream(seed, kMoveSalt);
  for (std::size_t c = 0; c < members.size(); ++c) {
    while (static_cast<std::int64_t>(members[c].size()) < least) {
      const auto [size, negated] = donors.top();
      donors.pop();
      auto& from = members[static_cast<std::size_t>(-negated)];
      std::swap(from[draws.below(from.size())], from.back());
      client_of[static_cast<std::size_t>(from.back())] = static_cast<std::int32_t>(c);
      members[c].push_back(from.back());
      from.pop_back();
      donors.emplace(size - 1, negated);
    }
  }
}

std::vector<double> even_dirichlet(double alpha, std::int64_t count, Stream draws) {
  if (!(alpha > 0.0) || !std::isfinite(alpha)) {
    throw InputError("alpha: found " + std::to_string(alpha) + ", expected > 0 and finite");
  }
  const std::vector<double> alphas(static_cast<std::size_t>(count), alpha);
  return draws.dirichlet(alphas);
}

Partition make(const IidPartition& config, const Dataset& data, Seed seed) {
  check_clients(config.clients, data);
  const auto order = shuffled(first_numbers(data.size()), stream(seed, kOrderSalt));
  std::vector<std::int32_t> client_of(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    client_of[static_cast<std::size_t>(order[i])] =
        static_cast<std::int32_t>(static_cast<std::int64_t>(i) % config.clients);
  }
  return gather(client_of, config.clients, seed);
}

Partition make(const DirichletPartition& config, const Dataset& data, Seed seed) {
  check_clients(config.clients, data, config.min_samples);
  const auto members = examples_by_class(data);
  std::vector<std::int32_t> client_of(static_cast<std::size_t>(data.size()), kNobody);
  for (std::size_t k = 0; k < members.size(); ++k) {
    const auto number = static_cast<std::int64_t>(k);
    deal_by_shares(shuffled(members[k], stream(seed, kOrderSalt, number)),
                   even_dirichlet(config.alpha, config.clients, stream(seed, kShareSalt, number)), client_of);
  }
  top_up(client_of, config.clients, config.min_samples, seed);
  return gather(client_of, config.clients, seed);
}

Partition make(const QuantityPartition& config, const Dataset& data, Seed seed) {
  check_clients(config.clients, data, config.min_samples);
  std::vector<std::int32_t> client_of(static_cast<std::size_t>(data.size()), kNobody);
  deal_by_shares(shuffled(first_numbers(data.size()), stream(seed, kOrderSalt)),
                 even_dirichlet(config.alpha, config.clients, stream(seed, kShareSalt)), client_of);
  top_up(client_of, config.clients, config.min_samples, seed);
  return gather(client_of, config.clients, seed);
}

// The clients that hold each class. Decks of all classes are shuffled and dealt; where a deck ends within a client's
// hand, the next deck skips what the hand already has, which stays on top for the next client.
std::vector<std::vector<std::int32_t>> deal_classes(const PathologicalPartition& config,
                                                    std::vector<std::int64_t> classes, std::int64_t num_classes,
                                                    Seed seed) {
  std::vector<std::vector<std::int32_t>> holders(static_cast<std::size_t>(num_classes));
  Stream draws = stream(seed, kDeckSalt);
  std::vector<std::int64_t> deck;
  for (std::int64_t c = 0; c < config.clients; ++c) {
    std::vector<std::int64_t> hand;
    for (std::int64_t k = 0; k < config.classes_per_client; ++k) {
      if (deck.empty()) {
        draws.shuffle(classes);
        deck = classes;
      }
      const auto card = std::find_if(deck.begin(), deck.end(), [&hand](std::int64_t label) {
        return std::find(hand.begin(), hand.end(), label) == hand.end();
      });
      hand.push_back(*card);
      holders[static_cast<std::size_t>(*card)].push_back(static_cast<std::int32_t>(c));
      deck.erase(card);
    }
  }
  return holders;
}

Partition make(const PathologicalPartition& config, const Dataset& data, Seed seed) {
  check_clients(config.clients, data);
  const auto members = examples_by_class(data);
  std::vector<std::int64_t> present;
  for (std::size_t k = 0; k < members.size(); ++k) {
    if (!members[k].empty()) present.push_back(static_cast<std::int64_t>(k));
  }
  const auto num_present = static_cast<std::int64_t>(present.size());
  if (config.classes_per_client < 1 || config.classes_per_client > num_present) {
    throw InputError("classes_per_client: found " + std::to_string(config.classes_per_client) + ", expected 1.." +
                     std::to_string(num_present) + ", the classes of the data");
  }
  if (config.clients < (num_present + config.classes_per_client - 1) / config.classes_per_client) {
    throw InputError(std::to_string(config.clients) + " clients of " + std::to_string(config.classes_per_client) +
                     " classes cannot hold all " + std::to_string(num_present) + " classes of the data");
  }
  const auto holders = deal_classes(config, present, data.spec().num_targets, seed);
  std::vector<std::int32_t> client_of(static_cast<std::size_t>(data.size()), kNobody);
  for (std::size_t k = 0; k < members.size(); ++k) {
    if (members[k].size() < holders[k].size()) {
      throw InputError("class " + std::to_string(k) + " has " + std::to_string(members[k].size()) +
                       " examples for the " + std::to_string(holders[k].size()) + " clients that shall hold it");
    }
    const auto order = shuffled(members[k], stream(seed, kOrderSalt, static_cast<std::int64_t>(k)));
    for (std::size_t i = 0; i < order.size(); ++i) {
      client_of[static_cast<std::size_t>(order[i])] = holders[k][i % holders[k].size()];
    }
  }
  return gather(client_of, config.clients, seed);
}

Partition make(const ByColumnPartition& config, const Dataset& data, Seed seed) {
  const Column& column = data.column(config.column);
  std::map<std::int32_t, std::int64_t> counts;
  for (const std::int32_t value : column.values) ++counts[value];
  std::vector<std::int64_t> kept;
  for (const auto& [value, count] : counts) {
    if (count >= config.min_samples) kept.push_back(value);
  }
  if (kept.empty()) {
    throw InputError("no value of column " + quoted(config.column) +
                     " has min_samples = " + std::to_string(config.min_samples) + " examples");
  }
  if (config.clients > static_cast<std::int64_t>(kept.size())) {
    throw InputError("clients: found " + std::to_string(config.clients) + ", expected at most the " +
                     std::to_string(kept.size()) + " values of column " + quoted(config.column));
  }
  if (config.clients > 0) {
    stream(seed, kDeckSalt).shuffle(kept);
    kept.resize(static_cast<std::size_t>(config.clients));
    std::sort(kept.begin(), kept.end());
  }
  std::map<std::int32_t, std::int32_t> client_of_value;
  for (const std::int64_t value : kept) {
    client_of_value.emplace(static_cast<std::int32_t>(value), static_cast<std::int32_t>(client_of_value.size()));
  }
  std::vector<std::int32_t> client_of;
  client_of.reserve(column.values.size());
  for (const std::int32_t value : column.values) {
    const auto found = client_of_value.find(value);
    client_of.push_back(found == client_of_value.end() ? kNobody : found->second);
  }
  return gather(client_of, static_cast<std::int64_t>(kept.size()), seed);
}

}  // namespace

Partition::Partition(std::vector<std::int64_t> offsets, std::vector<std::int64_t> samples)
    : offsets_(std::move(offsets)), samples_(std::move(samples)) {
  const bool sound = !offsets_.empty() && offsets_.front() == 0 &&
                     offsets_.back() == static_cast<std::int64_t>(samples_.size()) &&
                     std::is_sorted(offsets_.begin(), offsets_.end());
  if (!sound)
    throw Error("a partition's offsets do not ascend from 0 to its " + std::to_string(samples_.size()) + " samples");
}

std::span<const std::int64_t> Partition::samples_of(std::int64_t client) const {
  if (client < 0 || client >= num_clients()) {
    throw Error("client " + std::to_string(client) + " does not exist: there are " + std::to_string(num_clients()));
  }
  const auto begin = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(client)]);
  const auto end = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(client) + 1]);
  return std::span(samples_).subspan(begin, end - begin);
}

std::int64_t Partition::index_bytes() const {
  return static_cast<std::int64_t>((offsets_.capacity() + samples_.capacity()) * sizeof(std::int64_t));
}

Partition make_partition(const PartitionConfig& config, const Dataset& data, Seed seed) {
  try {
    return std::visit([&](const auto& chosen) { return make(chosen, data, seed); }, config);
  } catch (InputError& error) {
    error.within("partition '" + kind_of(config) + "'");
    throw;
  }
}

}  // namespace coppice
