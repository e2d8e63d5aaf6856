// MNIST in its original order with the writer of every digit (Yadav & Bottou 2019, QMNIST): naturally federated data.
// 60,000 digits of 539 writers to train on, 10,000 of 297 others to test on; column `writer`.
#pragma once

#include <string>

#include "core/config.h"
#include "data/loaded_data.h"

namespace coppice {

struct MnistByWriterSource {
  static constexpr const char* kName = "mnist-by-writer";

  std::string path = "mnist_by_writer";

  void visit(FieldVisitor& v) {
    v.field("path", path, "folder with the IDX files of images, labels and writers; relative to $COPPICE_DATA_DIR");
  }
};

LoadedData load_data(const MnistByWriterSource& source);

}  // namespace coppice
