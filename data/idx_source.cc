#include "data/idx_source.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "data/data_files.h"
#include "data/dense_dataset.h"
#include "data/idx.h"

namespace coppice {
namespace {

struct Split {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int64_t> shape;  // N, H, W, C
  Annotations annotations;
  std::string labels_file;
};

std::vector<std::int32_t> read_integers(const std::string& path, std::int64_t expected,
                                        const std::string& images_file) {
  const std::string file = plain_or_gzip(resolve_data_path(path));
  const std::vector<std::byte> bytes = read_data_file(file);
  const IdxArray array = parse_idx(bytes, file);
  if (array.shape.size() != 1) {
    throw InputError(file + ": found " + std::to_string(array.shape.size()) + " dims, expected 1");
  }
  if (array.shape[0] != expected) {
    throw InputError(file + ": found " + std::to_string(array.shape[0]) + " entries, expected " +
                     std::to_string(expected) + ", one for each image of " + images_file);
  }
  return integers_of(array, file);
}

Split read_split(const std::string& images, const std::string& labels, const std::vector<std::string>& names,
                 const std::vector<std::string>& column_files) {
  if (images.empty() || labels.empty())
    throw InputError("idx: train_images, train_labels, test_images, test_labels are all needed");
  if (!column_files.empty() && column_files.size() != names.size()) {
    throw InputError("idx: found " + std::to_string(column_files.size()) + " column files for " +
                     std::to_string(names.size()) + " `columns`");
  }
  const std::string file = plain_or_gzip(resolve_data_path(images));
  const std::vector<std::byte> bytes = read_data_file(file);
  const IdxArray array = parse_idx(bytes, file);
  Split split;
  split.shape = array.shape;
  if (array.type != IdxArray::Type::kU8 || split.shape.size() < 3 || split.shape.size() > 4) {
    throw InputError(file + ": found " + std::to_string(split.shape.size()) + " dims of IDX type " +
                     std::to_string(static_cast<int>(array.type)) +
                     ", expected 3 or 4 dims of unsigned bytes (type 8)");
  }
  split.shape.resize(4, 1);  // grey images have one channel
  if (array.count() == 0) throw InputError(file + ": found no images, expected at least one");
  const auto* pixels = reinterpret_cast<const std::uint8_t*>(array.values.data());
  split.pixels.assign(pixels, pixels + array.values.size());
  split.annotations.classes = read_integers(labels, split.shape[0], file);
  split.labels_file = labels;
  split.annotations.files = {{file, split.shape[0]}};
  for (std::size_t c = 0; c < column_files.size(); ++c) {
    split.annotations.columns.push_back({names[c], read_integers(column_files[c], split.shape[0], file), {}});
  }
  return split;
}

std::shared_ptr<const Dataset> dataset_of(Split split, ExampleSpec spec) {
  spec.shape.assign(split.shape.begin() + 1, split.shape.end());
  const std::int64_t row_bytes = spec.values_per_example();
  try {
    return make_images(std::move(spec), Rows({SharedBytes::of(std::move(split.pixels))}, row_bytes),
                       std::move(split.annotations));
  } catch (InputError& error) {
    error.within(split.labels_file);
    throw;
  }
}

}  // namespace

LoadedData load_data(const IdxSource& source) {
  Split train = read_split(source.train_images, source.train_labels, source.columns, source.train_columns);
  Split test = read_split(source.test_images, source.test_labels, source.columns, source.test_columns);
  if (!std::equal(train.shape.begin() + 1, train.shape.end(), test.shape.begin() + 1, test.shape.end())) {
    throw InputError(source.test_images + ": its images have another shape than those of " + source.train_images);
  }
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kImage;
  spec.mean = source.mean;
  spec.scale = source.scale;
  spec.num_targets = source.classes;
  if (spec.num_targets == 0) {
    for (const Split* split : {&train, &test}) {
      const auto& labels = split->annotations.classes;
      spec.num_targets =
          std::max<std::int64_t>(spec.num_targets, std::int64_t{*std::max_element(labels.begin(), labels.end())} + 1);
    }
  }
  train.annotations.class_names = test.annotations.class_names = source.class_names;
  return {dataset_of(std::move(train), spec), dataset_of(std::move(test), spec), source.note};
}

}  // namespace coppice
