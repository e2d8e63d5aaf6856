#include "models/model_state.h"

#include "models/config_json.h"

namespace coppice {

Digest ModelState::digest() const {
  const std::string text = model_config_to_json(config);
  return Hasher()
      .add_value(static_cast<std::int64_t>(text.size()))
      .add(text)
      .add_value(base.digest())
      .add_value(moments.digest())
      .finish();
}

ModelState initial_state(const Model& model, Seed seed) {
  ModelState state{model.config(), Arena("base", model.base_layout()), Arena("moments", model.moments_layout())};
  model.initialise(state.base, state.moments, seed);
  return state;
}

}  // namespace coppice
