// The built-in architectures as data. Widths are explicit, so a pruned model is just another config.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"

namespace coppice {
namespace graph {
struct Program;
}

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

// ResNet-18 for small images (He et al. 2016, as in the CIFAR form of most pruning papers): a 3x3 stem without pooling, four stages of two
// blocks, 1x1 convolutions with batch norm where the shape changes.
struct Resnet18Config : ResnetWidths {
  static constexpr const char* kName = "resnet18";
  Resnet18Config();
  void visit(FieldVisitor& v);
  bool operator==(const Resnet18Config&) const = default;
};

// VGG-11 with batch norm for small images (models/vgg.h).
struct Vgg11Config {
  static constexpr const char* kName = "vgg11";
  std::vector<std::int64_t> input = {32, 32, 3};  // H, W, C
  std::vector<std::int64_t> channels = {64, 128, 256, 256, 512, 512, 512, 512};
  std::int64_t outputs = 10;
  void visit(FieldVisitor& v);
  bool operator==(const Vgg11Config&) const = default;
};

// A decoder-only transformer (models/decoder.h). The defaults make a small Llama.
struct DecoderConfig {
  static constexpr const char* kName = "decoder";
  enum class Family : std::uint8_t { kLlama, kMistral, kQwen2, kQwen3, kGpt2, kOpt };  // whose files it goes to and comes from
  enum class Norm : std::uint8_t { kRms, kLayer };
  enum class Activation : std::uint8_t { kSilu, kGelu, kGeluTanh, kRelu };
  enum class Units : std::uint8_t { kKvGroups, kQueryHeads, kLayers };  // the first two with neurons
  Family family = Family::kLlama;
  std::int64_t vocab = 256;
  std::int64_t dim = 64;
  std::int64_t head_dim = 16;
  std::vector<std::int64_t> kv_heads = {2, 2};        // one a layer
  std::vector<std::int64_t> queries_per_kv = {2, 2};  // one a layer
  std::vector<std::int64_t> ffn = {128, 128};         // one a layer
  Norm norm = Norm::kRms;
  double norm_eps = 1e-5;
  bool qk_norm = false;            // RMSNorm of every query and key head before the rotation
  Activation activation = Activation::kSilu;
  bool gated = true;               // activation(gate x) * up x, else activation(up x)
  bool bias_qkv = false;
  bool bias_out = false;           // of o
  bool bias_ffn = false;
  // Inputs that share a number of each matrix's booster S [O, I / booster]: y = W x + S (sums of the inputs, so many at a time), the "SLoRB"
  // of Huang et al. 2024 (AST), with its projection fixed; 0: none.
  std::int64_t booster = 0;
  double rope_base = 10000.0;      // 0: no rotation
  std::int64_t positions = 0;      // rows of a learned table of positions; 0: none
  std::int64_t first_position = 0; // row of the first token
  std::int64_t window = 0;         // tokens a token sees, itself among them; 0: all before it
  std::int64_t longest = 2048;     // tokens the model was made for
  bool tied = false;               // the head is the embedding
  Units units = Units::kKvGroups;  // what its structure declares; a run's choice, no part of the architecture (unit_kinds.h)
  void visit(FieldVisitor& v);
  bool operator==(const DecoderConfig&) const = default;
};

// A topic model: a variational autoencoder of bags of words (models/prodlda.h).
struct ProdLdaConfig {
  static constexpr const char* kName = "prodlda";
  std::int64_t vocabulary = 1000;
  std::vector<std::int64_t> hidden = {100, 100};  // of the encoder
  std::int64_t topics = 20;
  double prior = 1.0;  // alpha of the symmetric Dirichlet
  void visit(FieldVisitor& v);
  bool operator==(const ProdLdaConfig&) const = default;
};

// A folder written by an export (config.json + model.safetensors): the architecture and the weights come from there.
struct ModelFolderConfig {
  static constexpr const char* kName = "folder";
  std::string path;
  void visit(FieldVisitor& v);
  bool operator==(const ModelFolderConfig&) const = default;
};

// A network that torch.export wrote (models/graph/). A config file names the archive, and weights come from there; a model's own
// config holds the graph itself.
struct GraphConfig {
  static constexpr const char* kName = "graph";
  std::string path;                               // empty once the graph is here
  std::shared_ptr<const graph::Program> program;  // no setting, hence not visited
  void visit(FieldVisitor& v);
  bool operator==(const GraphConfig& other) const;  // of the graphs, not of where they lie
};

using ModelConfig =
    std::variant<MlpConfig, CnnConfig, Resnet8Config, Resnet20Config, Resnet18Config, Vgg11Config, DecoderConfig, ProdLdaConfig, ModelFolderConfig, GraphConfig>;

std::string family_of(const ModelConfig& config);  // kName of the alternative held

}  // namespace coppice
