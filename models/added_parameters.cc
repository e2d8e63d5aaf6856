#include "models/added_parameters.h"

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

ModelConfig with_boosters(const ModelConfig& config, std::int64_t inputs) {
  const auto* decoder = std::get_if<DecoderConfig>(&config);
  if (decoder == nullptr) throw InputError("found model '" + family_of(config) + "'; expected a decoder");
  if (decoder->booster == inputs) return config;
  if (decoder->booster != 0) {
    throw InputError("found boosters of " + std::to_string(inputs) + " inputs; the model has some of " + std::to_string(decoder->booster));
  }
  DecoderConfig boosted = *decoder;
  boosted.booster = inputs;
  make_model(boosted);  // refuses widths that do not fit
  return boosted;
}

std::shared_ptr<const ModelState> widened(std::shared_ptr<const ModelState> state, const ModelConfig& config) {
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
