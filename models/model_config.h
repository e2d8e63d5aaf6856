// The built-in architectures as data. Widths are explicit, so a pruned model is just another config.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"

namespace coppice {

// Fully connected ReLU network: inputs -> hidden... -> outputs.
struct MlpConfig {
  static constexpr const char* kName = "mlp";
  std::int64_t inputs = 784;
  std::vector<std::int64_t> hidden = {256, 128};
  std::int64_t outputs = 10;
  void visit(FieldVisitor& v);
  bool operator==(const MlpConfig&) const = default;
};

// Two 5x5 conv + ReLU + 2x2 max-pool stages, then two linear layers (LeNet-like).
struct CnnConfig {
  static constexpr const char* kName = "cnn";
  std::vector<std::int64_t> input = {28, 28, 1};  // H, W, C
  std::vector<std::int64_t> channels = {16, 32};
  std::int64_t hidden = 128;
  std::int64_t outputs = 10;
  void visit(FieldVisitor& v);
  bool operator==(const CnnConfig&) const = default;
};

// Fields that both residual families share. `residual[s]` = channels of stage s's residual stream (stage 0 includes the stem),
// `inner[b]` = channels between the two convolutions of block b.
struct ResnetWidths {
  std::vector<std::int64_t> input = {28, 28, 1};  // H, W, C
  std::int64_t outputs = 10;
  std::vector<std::int64_t> residual;
  std::vector<std::int64_t> inner;
  bool operator==(const ResnetWidths&) const = default;
};

// ResNet-8 of MLPerf Tiny (Banbury et al. 2021): three stages of one block, 1x1 conv shortcuts (with bias, without BN) where
// the shape changes. Deviation: convolutions followed by BN carry no bias (its gradient is identically zero).
struct Resnet8Config : ResnetWidths {
  static constexpr const char* kName = "resnet8";
  Resnet8Config();
  void visit(FieldVisitor& v);
  bool operator==(const Resnet8Config&) const = default;
};

// ResNet-20 for CIFAR (He et al. 2016, option A): three stages of three blocks; where the shape changes the shortcut takes
// every second pixel and pads channels with zeros. `sources[s]` names, for each channel of stage s+1's residual stream, the
// channel of stage s it continues, or -1; it is what stays of option A once channels are removed.
struct Resnet20Config : ResnetWidths {
  static constexpr const char* kName = "resnet20";
  Resnet20Config();
  std::vector<std::int64_t> sources1;  // one a channel of stage 1
  std::vector<std::int64_t> sources2;  // one a channel of stage 2
  void visit(FieldVisitor& v);
  bool operator==(const Resnet20Config&) const = default;
};

// A small Llama: RMSNorm, rotary grouped-query attention, SwiGLU, untied head.
struct LlamaConfig {
  static constexpr const char* kName = "llama";
  std::int64_t vocab = 256;
  std::int64_t dim = 64;
  std::int64_t head_dim = 16;
  std::vector<std::int64_t> kv_heads = {2, 2};  // one a layer
  std::int64_t queries_per_kv = 2;
  std::vector<std::int64_t> ffn = {128, 128};   // one a layer
  double rope_base = 10000.0;
  double norm_eps = 1e-5;
  void visit(FieldVisitor& v);
  bool operator==(const LlamaConfig&) const = default;
};

// A folder written by an export (config.json + model.safetensors): the architecture and the weights come from there.
struct ModelFolderConfig {
  static constexpr const char* kName = "folder";
  std::string path;
  void visit(FieldVisitor& v);
  bool operator==(const ModelFolderConfig&) const = default;
};

using ModelConfig = std::variant<MlpConfig, CnnConfig, Resnet8Config, Resnet20Config, LlamaConfig, ModelFolderConfig>;

std::string family_of(const ModelConfig& config);  // kName of the alternative held

}  // namespace coppice
