#include "data/cifar.h"

#include "data/source.h"
#include "tests/core/temporary_folder.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

// Record r: label r, planes filled with r, r + 100 and r + 200 but for the first pixel.
Bytes records(int count) {
  Bytes out;
  for (int r = 0; r < count; ++r) {
    out.push_back(static_cast<std::byte>(r));
    for (int plane = 0; plane < 3; ++plane) {
      out.push_back(static_cast<std::byte>(50 + plane));
      out.insert(out.end(), 1023, static_cast<std::byte>(r + 100 * plane));
    }
  }
  return out;
}

TEST(Cifar, TurnsPlanesIntoPixels) {
  CifarRecords found;
  append_cifar(records(2), "a.bin", found);
  append_cifar(records(1), "b.bin", found);
  EXPECT_EQ(found.labels, (std::vector<std::int32_t>{0, 1, 0}));
  ASSERT_EQ(found.pixels.size(), 3u * 3072u);
  EXPECT_EQ((std::vector<std::uint8_t>(found.pixels.begin(), found.pixels.begin() + 6)),
            (std::vector<std::uint8_t>{50, 51, 52, 0, 100, 200}));
  EXPECT_EQ((std::vector<std::uint8_t>(found.pixels.end() - 3075, found.pixels.end() - 3072)),
            (std::vector<std::uint8_t>{1, 101, 201}));
}

TEST(Cifar, NamesWhatIsWrong) {
  CifarRecords found;
  EXPECT_INPUT_ERROR(append_cifar({}, "e.bin", found), "e.bin: found 0 bytes");
  Bytes bytes = records(2);
  bytes.pop_back();
  EXPECT_INPUT_ERROR(append_cifar(bytes, "t.bin", found), "found 6145 bytes, expected a multiple of 3073");
  bytes = records(2);
  bytes[3073] = std::byte{10};
  EXPECT_INPUT_ERROR(append_cifar(bytes, "l.bin", found), "record 1: found label 10, expected 0..9");
}

TEST(Cifar, SurvivesMutations) {
  survive_mutations(records(1), 2000, [](std::span<const std::byte> mutated) {
    CifarRecords found;
    append_cifar(mutated, "m.bin", found);
  });
}

TEST(Cifar, FullBatchesNeedNoNoteAndSubsetsSayJpeg) {
  const TemporaryFolder folder;
  write_bytes(folder.path("subset_train_5000.bin"), records(3));
  write_bytes(folder.path("subset_test_1000.bin"), records(2));
  Cifar10Source source{.path = folder.path()};
  const LoadedData subset = load_data(source);
  EXPECT_EQ(subset.train->size(), 3);
  EXPECT_EQ(subset.test->size(), 2);
  EXPECT_NE(subset.note.find("JPEG"), std::string::npos);
  for (int i = 1; i <= 5; ++i) write_bytes(folder.path("data_batch_" + std::to_string(i) + ".bin"), records(2));
  EXPECT_INPUT_ERROR(load_data(source), "test_batch.bin: no such file");
  write_bytes(folder.path("test_batch.bin"), records(4));
  const LoadedData full = load_data(source);
  EXPECT_EQ(full.train->size(), 10);
  EXPECT_EQ(full.note, "");
}

TEST(Cifar, NamesTheFoldersItLookedIn) {
  const TemporaryFolder folder;
  EXPECT_INPUT_ERROR(load_data(Cifar10Source{.path = folder.path()}), "found no subset_train_5000.bin");
}

}  // namespace
}  // namespace coppice
