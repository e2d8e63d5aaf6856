// Data against a contract. A violation is one line: file, row, column, whose it is, what was found and what was expected.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/contract.h"

namespace coppice {

// What examples are: kind, shape, targets, vocabulary, normalisation where agreed on, columns. Throws InputError, beginning with `what`
// ("training data").
void check_kind(const DataContract& contract, const Dataset& data, const std::string& what);

// What some examples hold: classes that the contract has, numbers within their ranges, categories and missing values as declared. That
// classes are absent is normal. `holder` is whose they are ("client 3"). `values`: also features, which are read for it; tokens and
// words are checked against the vocabulary where shards are verified. Throws InputError.
void check_examples(const DataContract& contract, const Dataset& data, std::span<const std::int64_t> examples,
                    const std::string& holder, bool values = true);

// Whether classes are numbered as in the contract. After check_examples, which names one that is not in it.
void check_classes(const DataContract& contract, const Dataset& data, const std::string& what);

}  // namespace coppice
