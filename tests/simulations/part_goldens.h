// The federation of tests/golden/training/make_part_goldens.py, as a run.
#pragma once

#include "tests/simulations/golden_federation.h"

namespace coppice::test {

inline const nlohmann::json& part_goldens() {
  static const nlohmann::json parsed = nlohmann::json::parse(std::ifstream(COPPICE_TRAINING_GOLDENS "/part_goldens.json"));
  return parsed;
}

struct PartSetting : Setting {
  explicit PartSetting(std::int64_t rounds) : Setting(sparse_goldens().at("cases").front(), part_goldens().at("samples")) {
    stage = FinetuneConfig{};
    stage.rounds = rounds;
    stage.evaluate_every = 0;
    federation.optimizer = SgdConfig{.lr = part_goldens().at("lr"), .momentum = part_goldens().at("momentum")};
    federation.local.clip_norm = 0.0;
    start.tracks[kMainTrack] = start.tracks[kDenseTrack];
  }
};

}  // namespace coppice::test
