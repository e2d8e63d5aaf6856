#include "data/fashion_mnist_source.h"

#include "data/data_files.h"
#include "data/idx_source.h"

namespace coppice {

LoadedData load_data(const FashionMnistSource& source) {
  constexpr const char* kDebianPackage = "/usr/share/datasets/fashion-mnist";
  const std::vector<std::string> folders = source.path.empty()
                                               ? std::vector<std::string>{in_data_dir("fashion_mnist"), kDebianPackage}
                                               : std::vector<std::string>{resolve_data_path(source.path)};
  const std::string folder = folder_with("train-images-idx3-ubyte", folders, FashionMnistSource::kName) + "/";
  IdxSource idx;
  idx.train_images = folder + "train-images-idx3-ubyte";
  idx.train_labels = folder + "train-labels-idx1-ubyte";
  idx.test_images = folder + "t10k-images-idx3-ubyte";
  idx.test_labels = folder + "t10k-labels-idx1-ubyte";
  idx.mean = {0.2860};  // of the 60,000 training images
  idx.scale = {0.3530};
  idx.classes = 10;
  idx.class_names = {"T-shirt/top", "trouser", "pullover", "dress", "coat",
                     "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};
  return load_data(idx);
}

}  // namespace coppice
