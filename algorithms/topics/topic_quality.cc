#include "algorithms/topics/topic_quality.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "core/error.h"
#include "models/tap.h"

namespace coppice {
namespace {

// Which documents a word stands in, for the words that are asked for.
std::map<std::int64_t, std::vector<bool>> occurrences(const Topics& topics, const Dataset& documents) {
  std::map<std::int64_t, std::vector<bool>> found;
  for (const auto& words : topics) {
    for (const std::int64_t word : words) found[word].resize(static_cast<std::size_t>(documents.size()));
  }
  std::vector<float> counts(static_cast<std::size_t>(documents.spec().shape[0]));
  for (std::int64_t d = 0; d < documents.size(); ++d) {
    documents.read_inputs(std::span(&d, 1), counts.data());
    for (auto& [word, stands_in] : found) stands_in[static_cast<std::size_t>(d)] = counts.at(static_cast<std::size_t>(word)) > 0.0F;
  }
  return found;
}

double npmi(const std::vector<bool>& a, const std::vector<bool>& b) {
  std::int64_t of_a = 0, of_b = 0, both = 0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    of_a += a[d] ? 1 : 0;
    of_b += b[d] ? 1 : 0;
    both += a[d] && b[d] ? 1 : 0;
  }
  const auto all = static_cast<double>(a.size());
  if (both == 0) return -1.0;
  if (both == static_cast<std::int64_t>(a.size())) return 1.0;
  const double joint = static_cast<double>(both) / all;
  return std::log(joint * all * all / (static_cast<double>(of_a) * static_cast<double>(of_b))) / -std::log(joint);
}

// Of each word under each topic, up to a constant of the topic.
std::vector<double> log_chances(const ModelState& state, const ProdLdaConfig& config) {
  const auto of = [](const Arena& arena, const char* name) { return arena.floats(arena.layout().find(name)); };
  const auto weights_VK = of(state.base, "topics.weight"), shift_V = of(state.base, "topics_bn.bias");
  const auto mean_V = of(state.moments, "topics_bn.running_mean"), var_V = of(state.moments, "topics_bn.running_var");
  std::vector<double> all;
  all.reserve(weights_VK.size());
  for (std::size_t v = 0; v < shift_V.size(); ++v) {
    const double scale = 1.0 / std::sqrt(static_cast<double>(var_V[v]) + kBatchNormEps);
    for (std::int64_t k = 0; k < config.topics; ++k) {
      const float weight = weights_VK[v * static_cast<std::size_t>(config.topics) + static_cast<std::size_t>(k)];
      all.push_back((static_cast<double>(weight) - static_cast<double>(mean_V[v])) * scale + static_cast<double>(shift_V[v]));
    }
  }
  return all;
}

}  // namespace

Topics top_words(const ModelState& state, std::int64_t count) {
  const auto* config = std::get_if<ProdLdaConfig>(&state.config);
  if (config == nullptr) throw InputError("found a model of kind " + family_of(state.config) + ", expected a topic model (prodlda)");
  if (count < 2 || count > config->vocabulary) {
    throw InputError("words: found " + std::to_string(count) + ", expected 2 to " + std::to_string(config->vocabulary) + " of the vocabulary");
  }
  const std::vector<double> scores_VK = log_chances(state, *config);
  Topics topics;
  for (std::int64_t k = 0; k < config->topics; ++k) {
    std::vector<std::int64_t> words(static_cast<std::size_t>(config->vocabulary));
    std::iota(words.begin(), words.end(), 0);
    std::stable_sort(words.begin(), words.end(), [&](std::int64_t a, std::int64_t b) {
      return scores_VK[static_cast<std::size_t>(a * config->topics + k)] > scores_VK[static_cast<std::size_t>(b * config->topics + k)];
    });
    words.resize(static_cast<std::size_t>(count));
    topics.push_back(std::move(words));
  }
  return topics;
}

std::vector<double> coherences(const Topics& topics, const Dataset& documents) {
  if (documents.spec().kind != ExampleSpec::Kind::kBagOfWords || documents.size() == 0) {
    throw InputError("coherence: found " + std::to_string(documents.size()) + " examples of " + documents.spec().describe() +
                     ", expected bags of words");
  }
  const auto found = occurrences(topics, documents);
  std::vector<double> all;
  for (const auto& words : topics) {
    double sum = 0.0;
    for (std::size_t i = 0; i < words.size(); ++i) {
      for (std::size_t j = i + 1; j < words.size(); ++j) sum += npmi(found.at(words[i]), found.at(words[j]));
    }
    all.push_back(2.0 * sum / static_cast<double>(words.size() * (words.size() - 1)));
  }
  return all;
}

double diversity(const Topics& topics) {
  std::set<std::int64_t> distinct;
  std::size_t words = 0;
  for (const auto& topic : topics) {
    distinct.insert(topic.begin(), topic.end());
    words += topic.size();
  }
  return words > 0 ? static_cast<double>(distinct.size()) / static_cast<double>(words) : 0.0;
}

}  // namespace coppice
