// Fashion-MNIST (Xiao, Rasul & Vollgraf 2017): 60,000 + 10,000 grey images 28 x 28 of 10 kinds of clothing, lossless.
#pragma once

#include <string>

#include "core/config.h"
#include "data/loaded_data.h"

namespace coppice {

struct FashionMnistSource {
  static constexpr const char* kName = "fashion-mnist";

  std::string path;

  void visit(FieldVisitor& v) {
    v.field("path", path,
            "folder with the four IDX files; empty = $COPPICE_DATA_DIR/fashion_mnist, then where Debian's package "
            "dataset-fashion-mnist puts them");
  }
};

LoadedData load_data(const FashionMnistSource& source);

}  // namespace coppice
