#include "simulations/token_text.h"

#include <vector>

#include "core/human_text.h"

namespace coppice {
namespace {

constexpr const char* kUnknown = "\xEF\xBF\xBD";

// Characters of UTF-8, so that token 1 is the first.
std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::string_view first = first_columns(text, 1);
    out.emplace_back(first);
    text.remove_prefix(first.size());
  }
  return out;
}

}  // namespace

std::string token_text(const Dataset& data, std::int64_t example, const DataContract* contract, const std::optional<Tokenizer>& tokenizer) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(data.spec().values_per_example()));
  data.read_tokens(std::span(&example, 1), tokens.data());
  std::int64_t length = 0;
  data.read_lengths(std::span(&example, 1), &length);
  tokens.resize(static_cast<std::size_t>(length));
  if (tokenizer) return tokenizer->decode(tokens);
  if (contract == nullptr || contract->tokenizer.empty() || contract->tokenizer == "file") return "";
  const std::vector<std::string> characters = characters_of(contract->characters);
  std::string text;
  for (const std::int64_t token : tokens) {
    if (contract->tokenizer == "bytes") {
      text += token < 256 ? std::string(1, static_cast<char>(token)) : kUnknown;
    } else {
      text += token > 0 && token <= static_cast<std::int64_t>(characters.size()) ? characters[static_cast<std::size_t>(token - 1)] : kUnknown;
    }
  }
  return text;
}

}  // namespace coppice
