#include "models/model.h"

#include "models/cnn.h"
#include "models/decoder.h"
#include "models/graph/graph_model.h"
#include "models/input_tensor.h"
#include "models/mlp.h"
#include "models/model_folder.h"
#include "models/prodlda.h"
#include "models/resnet.h"
#include "models/vgg.h"

namespace coppice {
namespace {

struct Maker {
  std::unique_ptr<Model> operator()(const MlpConfig& config) const { return make_mlp(config); }
  std::unique_ptr<Model> operator()(const CnnConfig& config) const { return make_cnn(config); }
  std::unique_ptr<Model> operator()(const Resnet8Config& config) const { return make_resnet8(config); }
  std::unique_ptr<Model> operator()(const Resnet20Config& config) const { return make_resnet20(config); }
  std::unique_ptr<Model> operator()(const Resnet18Config& config) const { return make_resnet18(config); }
  std::unique_ptr<Model> operator()(const Vgg11Config& config) const { return make_vgg11(config); }
  std::unique_ptr<Model> operator()(const DecoderConfig& config) const { return make_decoder(config); }
  std::unique_ptr<Model> operator()(const ProdLdaConfig& config) const { return make_prodlda(config); }
  std::unique_ptr<Model> operator()(const ModelFolderConfig& config) const {
    return make_model(read_model_folder(config.path).config);
  }
  std::unique_ptr<Model> operator()(const GraphConfig& config) const { return make_graph_model(config); }
};

}  // namespace

at::Tensor Model::forward(const Batch& batch, const Weights& weights, Tap& tap, Mode mode) const {
  at::Tensor hidden = std::visit(InputTensor{}, batch.inputs);
  for (int i = 0; i < num_blocks(); ++i) {
    hidden = forward_block(i, hidden, weights, tap, mode);
    tap.after_block(i, hidden);
  }
  return hidden;
}

std::unique_ptr<Model> make_model(const ModelConfig& config) { return std::visit(Maker{}, config); }

}  // namespace coppice
