#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "coordinator/any_model.h"
#include "core/error.h"
#include "core/file.h"
#include "core/human_text.h"
#include "core/phase_timer.h"
#include "core/strict_json.h"
#include "data/unicode.h"
#include "models/next_token.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/loaded_decoder.h"

namespace coppice {
namespace {

constexpr std::uint64_t kLargestConfig = 16 << 20;

struct GenerateOptions {
  std::string model;
  std::optional<std::string> prompt;
  std::vector<std::int64_t> ids;
  std::int64_t tokens = 128;
  SamplingConfig sampling;
  std::uint64_t seed = 1;
  DecoderOptions decoder;
};

// Tokens that end a text: eos_token_id of generation_config.json, else of config.json, one number or several.
std::vector<std::int64_t> end_tokens_of(const std::string& folder) {
  for (const char* name : {"generation_config.json", "config.json"}) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    if (!std::filesystem::exists(path)) continue;
    const nlohmann::json json = parse_strict_json(read_text_file(path, kLargestConfig), path);
    const auto found = json.find("eos_token_id");
    if (found == json.end() || found->is_null()) continue;
    std::vector<std::int64_t> ends;
    for (const nlohmann::json& id : found->is_array() ? *found : nlohmann::json::array({*found})) {
      if (!id.is_number_integer()) throw InputError(path + ": eos_token_id: found " + id.dump() + "; expected the number of a token");
      ends.push_back(id.get<std::int64_t>());
    }
    return ends;
  }
  return {};
}

at::Tensor row_of(std::span<const std::int64_t> ids) {
  const at::Tensor ids_BT = at::empty({1, static_cast<std::int64_t>(ids.size())}, at::kLong);
  std::copy(ids.begin(), ids.end(), ids_BT.mutable_data_ptr<std::int64_t>());
  return ids_BT;
}

struct Timing {
  double prompt_seconds = 0.0;  // until the first token
  double seconds = 0.0;         // of the passes behind it
  std::int64_t passes = 0;
};

// Calls `take` with each new token, until one ends the text or there are enough.
template <class Take>
Timing generate(const LoadedDecoder& decoder, std::vector<std::int64_t> ids, const GenerateOptions& options,
                const std::vector<std::int64_t>& ends, Take&& take) {
  const at::NoGradGuard no_grad;
  TokenSampler sampler(options.sampling, Seed{.run = options.seed});
  KvCache cache;
  Tap tap;
  Timing timing;
  for (std::int64_t n = 0; n < options.tokens; ++n) {
    const double start = steady_seconds();
    const at::Tensor logits_BV = decoder.model->continue_text(row_of(ids), cache, decoder.weights(), tap);
    const std::int64_t token = sampler.draw(logits_BV.select(0, 0));
    (n == 0 ? timing.prompt_seconds : timing.seconds) += steady_seconds() - start;
    timing.passes = n;
    if (std::find(ends.begin(), ends.end(), token) != ends.end()) break;
    take(token);
    ids = {token};
  }
  return timing;
}

void run_generate(GenerateOptions& options) {
  if (options.prompt.has_value() == !options.ids.empty()) throw InputError("generate: expected either --prompt or --ids");
  const LoadedDecoder decoder = load_decoder(options.model, options.decoder);
  std::optional<Tokenizer> tokenizer;
  if (options.prompt) tokenizer = tokenizer_for(decoder.config, options.model);
  const std::vector<std::int64_t> prompt = tokenizer ? tokenizer->encode(*options.prompt, true) : options.ids;
  if (prompt.empty()) throw InputError("--prompt: found no token; expected a text");
  std::vector<std::int64_t> ends;
  if (!options.model.ends_with(".packed")) ends = end_tokens_of(folder_of_model(options.model));
  if (options.prompt) std::fputs(options.prompt->c_str(), stdout);
  std::string bytes;
  bool first = true;
  const Timing timing = generate(decoder, prompt, options, ends, [&](std::int64_t token) {
    if (tokenizer) {
      bytes += tokenizer->bytes_of(token);
      std::fputs(take_text(bytes, false).c_str(), stdout);
    } else {
      std::printf(first ? "%lld" : " %lld", static_cast<long long>(token));
    }
    first = false;
    std::fflush(stdout);
  });
  std::printf("%s\n", take_text(bytes, true).c_str());
  std::fprintf(stderr, "prompt: %zu tokens in %s; then %s tokens a second; %s\n", prompt.size(), seconds_text(timing.prompt_seconds).c_str(),
               timing.passes > 0 ? fixed_text(static_cast<double>(timing.passes) / timing.seconds, 1).c_str() : "-",
               options.decoder.text().c_str());
}

}  // namespace

void add_generate_command(CLI::App& app, int& code) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = app.add_subcommand("generate", "Continue a text with a language model");
  command->add_option("model", options->model, "a run or a model folder; with --ids also a packed model")->required();
  command->add_option("--prompt", options->prompt, "the text to continue; added tokens such as <|im_start|> may stand in it");
  command->add_option("--ids", options->ids, "the prompt as tokens; prints tokens, too");
  command->add_option("--tokens", options->tokens, "the most new tokens")->check(CLI::PositiveNumber)->capture_default_str();
  command->add_option("--temperature", options->sampling.temperature, "0 = always the likeliest token")->capture_default_str();
  command->add_option("--top-k", options->sampling.top_k, "draw among the so many likeliest; 0 = all")->capture_default_str();
  command->add_option("--top-p", options->sampling.top_p, "draw among the fewest that have this probability together")->capture_default_str();
  command->add_option("--seed", options->seed, "of the draws")->capture_default_str();
  options->decoder.add_to(*command);
  command->footer("Example:\n  coppice generate models/smollm2 --prompt \"The capital of France is\" --tokens 32");
  command->callback([options, &code] {
    run_generate(*options);
    code = 0;
  });
}

}  // namespace coppice
