#include "data/mnist_by_writer_source.h"

#include "data/data_files.h"
#include "data/idx_source.h"

namespace coppice {

LoadedData load_data(const MnistByWriterSource& source) {
  const std::string folder =
      folder_with("train-writers-idx1-int", {resolve_data_path(source.path)}, MnistByWriterSource::kName) + "/";
  IdxSource idx;
  idx.train_images = folder + "train-images-idx3-ubyte";
  idx.train_labels = folder + "train-labels-idx1-ubyte";
  idx.test_images = folder + "t10k-images-idx3-ubyte";
  idx.test_labels = folder + "t10k-labels-idx1-ubyte";
  idx.columns = {"writer"};
  idx.train_columns = {folder + "train-writers-idx1-int"};
  idx.test_columns = {folder + "t10k-writers-idx1-int"};
  idx.mean = {0.1307};  // of the 60,000 training images
  idx.scale = {0.3081};
  idx.classes = 10;
  return load_data(idx);
}

}  // namespace coppice
