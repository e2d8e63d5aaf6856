// A language model as the commands that run one load it: weights in one dtype, threads, a tokenizer that fits.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "data/tokenizer.h"
#include "models/decoder.h"
#include "models/model_state.h"

namespace coppice {

// --threads and --dtype, as they stand on a command line.
struct DecoderOptions {
  int threads = 0;  // 0: one for each core
  std::string dtype = "bfloat16";

  void add_to(CLI::App& command);
  std::string text() const;  // "2 threads, bfloat16"; after apply
  void apply();              // to the process
};

struct LoadedDecoder {
  DecoderConfig config;
  std::unique_ptr<DecoderModel> model;
  Arena base;  // in the dtype asked for

  Weights weights() const { return {base.views(), {}}; }
};

// Applies the options. Throws InputError where the model is no decoder.
LoadedDecoder load_decoder(const std::string& path, DecoderOptions& options);

// The tokenizer in a model's folder. Throws InputError where it has ids that the model has not.
Tokenizer tokenizer_for(const DecoderConfig& config, const std::string& path);

}  // namespace coppice
