// CIFAR-10 (Krizhevsky 2009) in its binary format: colour images 32 x 32 of 10 kinds of objects.
#pragma once

#include <string>

#include "core/config.h"
#include "data/loaded_data.h"

namespace coppice {

struct Cifar10Source {
  static constexpr const char* kName = "cifar10";

  std::string path = "cifar10";

  void visit(FieldVisitor& v) {
    v.field(
        "path", path,
        "folder with data_batch_1..5.bin and test_batch.bin, or else subset_train_5000.bin and subset_test_1000.bin, "
        "gzipped or not; relative to $COPPICE_DATA_DIR");
  }
};

// The note says so where the subset is read, because it was decoded from JPEG. Folders and archives of JPEG files go
// through tools/to_shards.py and the source `shards`.
LoadedData load_data(const Cifar10Source& source);

}  // namespace coppice
