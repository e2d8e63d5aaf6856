// Images and labels in IDX files of unsigned bytes, gzipped or not, with any number of whole-number columns beside
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config.h"
#include "data/loaded_data.h"

namespace coppice {

struct IdxSource {
  static constexpr const char* kName = "idx";

  std::string train_images, train_labels, test_images, test_labels;
  std::vector<std::string> columns, train_columns, test_columns;
  std::vector<double> mean, scale;
  std::int64_t classes = 0;
  std::vector<std::string> class_names;
  std::string note;

  void visit(FieldVisitor& v) {
    v.field("train_images", train_images, "IDX file of bytes [N, H, W] or [N, H, W, C]");
    v.field("train_labels", train_labels, "IDX file of whole numbers [N]");
    v.field("test_images", test_images, "as train_images");
    v.field("test_labels", test_labels, "as train_labels");
    v.field("columns", columns, "names of further numbers an example, for a partition by column");
    v.field("train_columns", train_columns, "one IDX file [N] a column");
    v.field("test_columns", test_columns, "one IDX file [N] a column; none = the test data has no columns");
    v.field("mean", mean, "per channel, of value / 255, subtracted; none = 0");
    v.field("scale", scale, "per channel, then divided by; none = 1");
    v.field("classes", classes, "number of classes; 0 = the largest label + 1", at_least(0));
    v.field("class_names", class_names, "one a class; none = unnamed");
    v.field("note", note, "shown in reports");
  }
};

// Images and labels must agree in number, train and test in shape, labels lie below `classes`; else InputError.
LoadedData load_data(const IdxSource& source);

}  // namespace coppice
