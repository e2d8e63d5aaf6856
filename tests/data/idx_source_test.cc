#include "data/idx_source.h"

#include <zlib.h>

#include "data/source.h"
#include "tests/core/temporary_folder.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

// 3 training and 2 test images of 2 x 2, with a column.
class IdxFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    write("train-images", idx_bytes({3, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255}));
    write("train-labels", idx_bytes({3}, {0, 2, 1}));
    write("train-writers", idx_bytes({3}, {7, 7, 9}));
    write("test-images", idx_bytes({2, 2, 2}, {0, 0, 0, 0, 1, 1, 1, 1}));
    write("test-labels", idx_bytes({2}, {1, 1}));
    source_.train_images = folder_.path("train-images");
    source_.train_labels = folder_.path("train-labels");
    source_.test_images = folder_.path("test-images");
    source_.test_labels = folder_.path("test-labels");
  }
  void write(const std::string& name, const Bytes& bytes) { write_bytes(folder_.path(name), bytes); }

  TemporaryFolder folder_;
  IdxSource source_;
};

TEST_F(IdxFiles, AreReadWithTheirColumns) {
  source_.columns = {"writer"};
  source_.train_columns = {folder_.path("train-writers")};
  source_.note = "made up";
  const LoadedData data = load_data(source_);
  EXPECT_EQ(data.train->spec().describe(), "image 2x2x1, 3 classes");
  EXPECT_EQ(data.train->column("writer").values, (std::vector<std::int32_t>{7, 7, 9}));
  EXPECT_TRUE(data.test->column_names().empty());
  EXPECT_EQ(data.note, "made up");
  std::vector<float> x(4);
  std::int64_t label = -1;
  const std::int64_t last[] = {2};
  data.train->read_inputs(last, x.data());
  data.train->read_classes(last, &label);
  EXPECT_EQ(x, (std::vector<float>{8 / 255.0F, 9 / 255.0F, 10 / 255.0F, 1.0F}));
  EXPECT_EQ(label, 1);
}

TEST_F(IdxFiles, MayBeGzipped) {
  const Digest plain = load_data(source_).train->digest();
  const Bytes bytes = idx_bytes({3, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255});
  std::filesystem::remove(folder_.path("train-images"));
  gzFile file = gzopen(folder_.path("train-images.gz").c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  EXPECT_EQ(load_data(source_).train->digest(), plain);

  const auto size = std::filesystem::file_size(folder_.path("train-images.gz"));
  std::filesystem::resize_file(folder_.path("train-images.gz"), size - 9);
  EXPECT_INPUT_ERROR(load_data(source_), "train-images.gz");
}

TEST_F(IdxFiles, ThatDisagreeAreRefused) {
  write("train-labels", idx_bytes({2}, {0, 2}));
  EXPECT_INPUT_ERROR(load_data(source_), "train-labels: found 2 entries, expected 3");
  write("train-labels", idx_bytes({3}, {0, 2, 1}));
  source_.classes = 2;
  EXPECT_INPUT_ERROR(load_data(source_), "label of example 1: found 2, expected 0..1");
  source_.classes = 0;
  source_.class_names = {"a", "b"};
  EXPECT_INPUT_ERROR(load_data(source_), "class names: found 2, expected 3");
  source_.class_names.clear();
  write("test-images", idx_bytes({2, 4, 1}, {0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_INPUT_ERROR(load_data(source_), "another shape");
  write("test-images", idx_bytes({0, 2, 2}, {}));
  EXPECT_INPUT_ERROR(load_data(source_), "found no images");
  write("test-images", idx_bytes({8}, {0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_INPUT_ERROR(load_data(source_), "found 1 dims");
  source_.test_images = folder_.path("test-image");
  EXPECT_INPUT_ERROR(load_data(source_), "did you mean");
}

TEST(FashionMnist, NamesWhereItLooked) {
  const TemporaryFolder folder;
  EXPECT_INPUT_ERROR(
      load_data(FashionMnistSource{.path = folder.path()}),
      "fashion-mnist: found no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in " + folder.path());
  EXPECT_INPUT_ERROR(load_data(FashionMnistSource{.path = "no/such/folder"}), "no/such/folder: found neither");
}

}  // namespace
}  // namespace coppice
