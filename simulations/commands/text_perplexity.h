// Perplexity of a language model on plain text, in blocks.
//
// The text is tokenised once, cut into floor(N / T) blocks of T tokens without overlap, the rest left out, and in each block all tokens but
// the first are predicted from those before them: exp(mean negative log-likelihood). That is how the pruning literature evaluates
// (Frantar and Alistarh 2023; Sun et al. 2024), there with T = 2048 on WikiText-2's test rows joined by blank lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer.h"
#include "models/decoder.h"

namespace coppice {

struct PerplexityOptions {
  std::vector<std::string> files;  // joined by "\n\n"
  bool rows = false;               // each line is a row, "" where it is blank, else with its line end; rows are joined by "\n\n"
  std::int64_t seq_len = 0;        // T; 0: 2048, or what the model was made for where that is less
  std::int64_t blocks = 0;         // the first so many; 0: all
};

struct Perplexity {
  double loss = 0.0;  // mean negative log-likelihood of a predicted token
  std::int64_t predicted = 0;
  std::string protocol;  // all that the figure depends on besides model, text and arithmetic
};

// Rows of a text as data sets of text hold them, joined.
std::string joined_rows(std::string_view text);

// Throws InputError on files that cannot be read, a T that does not fit the model, text shorter than a block.
Perplexity measure_perplexity(const DecoderModel& model, const DecoderConfig& config, const Weights& weights, const Tokenizer& tokenizer,
                              const PerplexityOptions& options);

}  // namespace coppice
