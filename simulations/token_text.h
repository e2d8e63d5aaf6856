// Tokens of an example as text, by the encoding that a contract names or by a tokenizer.json.
#pragma once

#include <optional>
#include <string>

#include "data/contract.h"
#include "data/dataset.h"
#include "data/tokenizer.h"

namespace coppice {

// "" where nothing says how the tokens are to be read. Tokens without a text become U+FFFD.
std::string token_text(const Dataset& data, std::int64_t example, const DataContract* contract, const std::optional<Tokenizer>& tokenizer);

}  // namespace coppice
