#include "models/biases.h"

#include "core/error.h"

namespace coppice {

ModelConfig with_biases(const ModelConfig& config) {
  const auto* decoder = std::get_if<DecoderConfig>(&config);
  if (decoder == nullptr || (decoder->bias_qkv && decoder->bias_out && decoder->bias_ffn)) return config;
  if (decoder->family != DecoderConfig::Family::kLlama && decoder->family != DecoderConfig::Family::kOpt) {
    throw InputError("found a decoder family whose files have no place for biases of every projection; expected llama, gpt2 or opt");
  }
  DecoderConfig biased = *decoder;
  biased.bias_qkv = biased.bias_out = biased.bias_ffn = true;
  return biased;
}

std::shared_ptr<const ModelState> with_biases(std::shared_ptr<const ModelState> state) {
  const ModelConfig config = with_biases(state->config);
  if (config == state->config) return state;
  const auto model = make_model(config);
  ModelState wider{config, Arena(state->base.name(), model->base_layout()), state->moments.clone()};
  for (int i = 0; i < wider.base.layout().size(); ++i) {
    const int from = state->base.layout().find(wider.base.layout()[i].name);
    if (from >= 0) wider.base.view(i).copy_(state->base.view(from));
  }
  return std::make_shared<const ModelState>(std::move(wider));
}

}  // namespace coppice
