#include "simulations/commands/loaded_decoder.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <thread>

#include "coordinator/any_model.h"
#include "core/error.h"

namespace coppice {

void DecoderOptions::add_to(CLI::App& command) {
  command.add_option("--threads", threads, "threads; 0 = one for each core")->check(CLI::Range(0, 1024));
  command.add_option("--dtype", dtype, "arithmetic of the pass")->check(CLI::IsMember({"float32", "bfloat16"}))->capture_default_str();
}

std::string DecoderOptions::text() const { return std::to_string(threads) + (threads == 1 ? " thread, " : " threads, ") + dtype; }

void DecoderOptions::apply() {
  if (threads == 0) threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  at::set_num_threads(threads);
}

LoadedDecoder load_decoder(const std::string& path, DecoderOptions& options) {
  options.apply();
  ModelState state = read_any_model(path);
  const auto* config = std::get_if<DecoderConfig>(&state.config);
  if (config == nullptr) throw InputError("'" + path + "': found a model of kind '" + family_of(state.config) + "'; expected a decoder");
  LoadedDecoder loaded{*config, make_decoder(*config), Arena()};
  if (options.dtype == "float32") {
    loaded.base = std::move(state.base);
  } else {
    loaded.base = Arena("base", loaded.model->base_layout(), DType::kBF16);
    loaded.base.copy_from(state.base);
  }
  return loaded;
}

Tokenizer tokenizer_for(const DecoderConfig& config, const std::string& path) {
  const std::string folder = folder_of_model(path);
  Tokenizer tokenizer = read_tokenizer(folder);
  if (tokenizer.size() > config.vocab) {
    throw InputError(folder + "/tokenizer.json: found tokens up to " + std::to_string(tokenizer.size() - 1) +
                     "; the model's vocabulary has tokens 0 to " + std::to_string(config.vocab - 1));
  }
  return tokenizer;
}

}  // namespace coppice
