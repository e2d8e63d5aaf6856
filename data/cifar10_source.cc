#include "data/cifar10_source.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "data/cifar.h"
#include "data/data_files.h"
#include "data/dense_dataset.h"

namespace coppice {
namespace {

std::shared_ptr<const Dataset> read_batches(const std::string& folder, const std::vector<std::string>& files) {
  CifarRecords records;
  Annotations annotations;
  for (const std::string& name : files) {
    const std::string file = plain_or_gzip((std::filesystem::path(folder) / name).string());
    const auto before = records.labels.size();
    append_cifar(read_data_file(file), file, records);
    annotations.files.push_back({file, static_cast<std::int64_t>(records.labels.size() - before)});
  }
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kImage;
  spec.shape = {CifarRecords::kSide, CifarRecords::kSide, CifarRecords::kChannels};
  spec.num_targets = CifarRecords::kClasses;
  spec.mean = {0.4914, 0.4822, 0.4465};  // of the 50,000 training images
  spec.scale = {0.2470, 0.2435, 0.2616};
  annotations.classes = std::move(records.labels);
  annotations.class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  const std::int64_t row_bytes = spec.values_per_example();
  return make_images(std::move(spec), Rows({SharedBytes::of(std::move(records.pixels))}, row_bytes),
                     std::move(annotations));
}

}  // namespace

LoadedData load_data(const Cifar10Source& source) {
  const std::string folder = resolve_data_path(source.path);
  if (has_data_file((std::filesystem::path(folder) / "data_batch_1.bin").string())) {
    return {read_batches(folder, {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                  "data_batch_5.bin"}),
            read_batches(folder, {"test_batch.bin"}), ""};
  }
  folder_with("subset_train_5000.bin", {folder}, "cifar10 (no data_batch_1.bin either)");
  return {read_batches(folder, {"subset_train_5000.bin"}), read_batches(folder, {"subset_test_1000.bin"}),
          "CIFAR-10 decoded from JPEG (lossy), a class-balanced subset of 5,000 + 1,000 images"};
}

}  // namespace coppice
