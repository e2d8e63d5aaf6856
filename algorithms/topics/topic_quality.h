// What topics say, and how good they are.
//
// Coherence: normalised pointwise mutual information (Bouma 2009; Lau, Newman & Baldwin 2014) of a topic's words, two at a time, by the
// documents that both stand in: with p the fraction of documents,
//   npmi(a, b) = log(p(a, b) / (p(a) p(b))) / -log p(a, b);  -1 where they never meet, 1 where both stand in every document
// The mean over pairs is in [-1, 1]. Diversity: distinct words / words, over all topics (Dieng, Ruiz & Blei 2020, section 6).
// Cost: a pass over the documents' dense rows, [V] float32 at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "models/model_state.h"

namespace coppice {

using Topics = std::vector<std::vector<std::int64_t>>;  // words of each, the most important first

// The `count` words that a document of one topic alone would most likely hold; of equals the first:
//   log p(v | k) = (topics_vk - mean_v) / sqrt(var_v + eps) + shift_v, up to a constant of k,
// with the decoder's running statistics. Published code ranks by topics_vk alone, which the batch norm is blind to the scale of: rare words, whose
// weights nothing holds, come first. Throws InputError for a model that is no topic model, and
// unless count is in [2, vocabulary].
Topics top_words(const ModelState& state, std::int64_t count);

// One number a topic. Documents must be bags of words of the topics' vocabulary, at least one, else InputError.
std::vector<double> coherences(const Topics& topics, const Dataset& documents);

double diversity(const Topics& topics);

}  // namespace coppice
