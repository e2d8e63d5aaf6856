#include "simulations/commands/text_perplexity.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <span>

#include "core/error.h"
#include "core/file.h"
#include "data/unicode.h"
#include "models/losses.h"

namespace coppice {
namespace {

constexpr std::uint64_t kLargestText = std::uint64_t{1} << 32;
constexpr std::int64_t kUsualLength = 2048;

std::string text_of(const PerplexityOptions& options) {
  std::string text;
  for (const std::string& file : options.files) {
    if (!text.empty()) text += "\n\n";
    const std::string read = read_text_file(file, kLargestText);
    text += options.rows ? joined_rows(read) : read;
  }
  return text;
}

// Tokens that one text of this model may have; 0: no limit but what it was made for.
std::int64_t table_rows(const DecoderConfig& config) { return config.positions > 0 ? config.positions - config.first_position : 0; }

std::int64_t length_of(const PerplexityOptions& options, const DecoderConfig& config) {
  const std::int64_t rows = table_rows(config);
  if (options.seq_len == 0) return std::min({kUsualLength, config.longest, rows > 0 ? rows : kUsualLength});
  if (options.seq_len < 2 || (rows > 0 && options.seq_len > rows)) {
    throw InputError("--seq-len: found " + std::to_string(options.seq_len) + "; expected 2 to " + (rows > 0 ? std::to_string(rows) : "any number"));
  }
  return options.seq_len;
}

std::string tokens_text(const Tokenizer& tokenizer, std::span<const std::int64_t> ids) {
  return ids.empty() ? "none" : tokenizer.decode(ids);
}

}  // namespace

std::string joined_rows(std::string_view text) {
  std::string joined;
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(end);
    if (!first) joined += "\n\n";
    if (!without_leading_space(row).empty()) joined += row;
  }
  return joined;
}

Perplexity measure_perplexity(const DecoderModel& model, const DecoderConfig& config, const Weights& weights, const Tokenizer& tokenizer,
                              const PerplexityOptions& options) {
  const at::NoGradGuard no_grad;
  const std::int64_t length = length_of(options, config);
  std::vector<std::int64_t> ids = tokenizer.encode(text_of(options), true);
  const auto tokens = static_cast<std::int64_t>(ids.size());
  const std::int64_t whole = tokens / length, blocks = options.blocks > 0 ? std::min(options.blocks, whole) : whole;
  if (blocks == 0) {
    throw InputError(options.files.front() + ": found " + std::to_string(tokens) + " tokens; expected at least one block of " +
                     std::to_string(length) + " (--seq-len)");
  }
  Perplexity result;
  Tap tap;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const at::Tensor ids_BT = at::from_blob(ids.data() + b * length, {1, length}, at::TensorOptions().dtype(at::kLong));
    const at::Tensor logits_BTV = model.forward({Tokens{ids_BT.narrow(1, 0, length - 1)}, {}}, weights, tap, Mode::kEval);
    result.loss += loss_sum(LossKind::kCrossEntropy, logits_BTV, ids_BT.narrow(1, 1, length - 1)).item<double>();
    result.predicted += length - 1;
  }
  result.loss /= static_cast<double>(result.predicted);
  const std::size_t files = options.files.size();
  result.protocol = std::to_string(blocks) + " blocks of " + std::to_string(length) + " tokens without overlap, the first " +
                    std::to_string(blocks * length) + " of " + std::to_string(tokens) +
                    "; all but the first of a block predicted; put before the text once: " + tokens_text(tokenizer, tokenizer.prefix()) +
                    ", behind it: " + tokens_text(tokenizer, tokenizer.suffix()) + "; " + std::to_string(files) +
                    (files == 1 ? " file" : " files, joined by \"\\n\\n\"") +
                    (options.rows ? ", lines as rows joined by \"\\n\\n\"" : ", each as it is");
  return result;
}

}  // namespace coppice
