#include "models/batch.h"

namespace coppice {
namespace {

struct FirstDim {
  std::int64_t operator()(const Images& images) const { return images.x_BCHW.size(0); }
  std::int64_t operator()(const Features& features) const { return features.x_BF.size(0); }
  std::int64_t operator()(const Tokens& tokens) const { return tokens.ids_BT.size(0); }
  std::int64_t operator()(const BagOfWords& words) const { return words.counts_BV.size(0); }
};

}  // namespace

std::int64_t Batch::size() const { return std::visit(FirstDim{}, inputs); }

}  // namespace coppice
