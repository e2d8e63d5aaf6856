// Bags of words whose target is words, as a data set of a test.
#pragma once

#include <utility>
#include <vector>

#include "data/bag_dataset.h"

namespace coppice::test {

// Document d has the words from offsets[d] on, each as often as its count.
inline std::shared_ptr<const Dataset> word_bags(std::vector<std::uint64_t> offsets, std::vector<std::uint32_t> words,
                                                std::vector<std::uint32_t> counts, std::int64_t vocabulary) {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kBagOfWords;
  spec.shape = {vocabulary};
  spec.target = ExampleSpec::Target::kWords;
  spec.num_targets = vocabulary;
  return make_bags(spec, {{SharedBytes::of(std::move(offsets)), SharedBytes::of(std::move(words)), SharedBytes::of(std::move(counts))}}, {});
}

}  // namespace coppice::test
