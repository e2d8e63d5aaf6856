// What a stage trains: `finetune.adapter`.
//
//   none   the model's own weights
//   lora   Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022: low-rank changes of matrices whose own weights
//          stay as they are (algorithms/taps/masked_lora.h). Clients receive the model once, then adapters alone; adapters alone go
//          up. At the end of the stage they are merged into the model, under its mask.
//
// Means of A and of B are not the factors of the mean of B A; what is averaged are the factors, as in FedIT (Zhang et al. 2024).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"
#include "models/model.h"

namespace coppice {

struct NoAdapter {
  static constexpr const char* kName = "none";
  void visit(FieldVisitor&) {}
};

struct LoraConfig {
  static constexpr const char* kName = "lora";
  std::int64_t rank = 8;  // smaller matrices have their own full rank
  double alpha = 16.0;    // the change is alpha / rank * B A
  std::string targets = "all";

  double scale() const { return alpha / static_cast<double>(rank); }
  void visit(FieldVisitor& v);
};

using AdapterConfig = std::variant<NoAdapter, LoraConfig>;

// The adapted weights in layout order: all matrices but the first and the last layer, or those of them whose name holds one of the
// targets. Throws InputError where a target fits none.
std::vector<ParamId> adapted_weights(const LoraConfig& config, const Model& model);

}  // namespace coppice
