#include "simulations/public_data.h"

#include <algorithm>
#include <numeric>

#include "client/batch_reader.h"
#include "comm/local/local_communicator.h"
#include "core/error.h"
#include "models/model.h"

namespace coppice {
namespace {

const PretrainConfig* pretraining_of(const RunConfig& config) {
  return config.stages.empty() ? nullptr : std::get_if<PretrainConfig>(&config.stages.front());
}

// In a random order.
std::vector<std::int64_t> held_by_nobody(const Dataset& dataset, const ClientData& clients, Seed seed) {
  std::vector<bool> held(static_cast<std::size_t>(dataset.size()), false);
  for (std::int64_t client = 0; dataset.digest() == clients.train->digest() && client < clients.clients.train.num_clients(); ++client) {
    for (const Split split : {Split::kTrain, Split::kSelect}) {
      for (const std::int64_t example : clients.samples(split, client)) held[static_cast<std::size_t>(example)] = true;
    }
  }
  std::vector<std::int64_t> examples;
  for (std::int64_t example = 0; example < dataset.size(); ++example) {
    if (!held[static_cast<std::size_t>(example)]) examples.push_back(example);
  }
  Stream(seed, Purpose::kPartition).shuffle(examples);
  return examples;
}

// The first so many of each class, in the order given.
std::vector<std::int64_t> balanced(const Dataset& dataset, std::span<const std::int64_t> examples, std::int64_t per_class) {
  const auto classes = dataset.classes();
  if (classes.empty()) throw InputError("found targets that are no classes; expected 0");
  std::vector<std::int64_t> taken(static_cast<std::size_t>(dataset.spec().num_targets), 0), chosen;
  for (const std::int64_t example : examples) {
    if (taken[static_cast<std::size_t>(classes[static_cast<std::size_t>(example)])]++ < per_class) chosen.push_back(example);
  }
  for (std::size_t c = 0; c < taken.size(); ++c) {
    if (taken[c] >= per_class) continue;
    throw InputError("found " + std::to_string(taken[c]) + " examples of class " + std::to_string(c) + " that no client holds; expected " +
                     std::to_string(per_class) + " of each");
  }
  return chosen;
}

template <class Use>
auto within(const std::string& key, const Use& use) {
  try {
    return use();
  } catch (InputError& error) {
    error.within(key);
    throw;
  }
}

Partition of_one(std::vector<std::int64_t> samples) {
  const auto count = static_cast<std::int64_t>(samples.size());
  return {{0, count}, std::move(samples)};
}

}  // namespace

std::shared_ptr<const ClientData> load_public_data(const RunConfig& config, const ScenarioData& data, const Model& model, const std::string& file) {
  const PretrainConfig* stage = pretraining_of(config);
  if (stage == nullptr) return nullptr;
  const std::string key = file + ": stages[0].pretrain.";
  const LoadedData loaded = within(key + "source", [&] { return load_data(stage->source); });
  const ExampleSpec& spec = loaded.train->spec();
  if (spec.target != data.clients->train->spec().target) {
    throw InputError(key + "source: found targets of kind " + name_of(spec.target) + "; the clients' are " + name_of(data.clients->train->spec().target));
  }
  check_model_fits(model, spec, key + "source");
  std::vector<std::int64_t> examples = held_by_nobody(*loaded.train, *data.clients, run_seed(config));
  if (examples.empty()) {
    throw InputError(key + "source: found the clients' own data, all of which clients hold; expected another source, or a data.partition that leaves some");
  }
  if (stage->per_class > 0) {
    examples = within(key + "per_class", [&] { return balanced(*loaded.train, examples, stage->per_class); });
  }
  return std::make_shared<const ClientData>(ClientData{loaded.train, loaded.train, {of_one(std::move(examples)), of_one({})}, of_one({}),
                                                       Augmenter(config.data.augment, spec)});
}

Digest public_digest(const ClientData& data) {
  Hasher hasher;
  hasher.add_value(data.train->digest().bytes);
  hasher.add(std::as_bytes(data.samples(Split::kTrain, 0)));
  return hasher.finish();
}

CoordinatorBackend::CoordinatorBackend(const std::shared_ptr<const ClientData>& data, const std::string& folder, Backend& clients)
    : alone_(make_solo_communicator()),
      worker_(data, ClientStore("")),
      own_(*alone_, worker_, data->population(), folder),
      clients_(clients) {}

}  // namespace coppice
