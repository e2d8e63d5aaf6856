#include "data/shard_source.h"

#include <nlohmann/json.hpp>

#include "data/shard_index.h"
#include "tests/core/temporary_folder.h"
#include "tests/data/shard_bytes.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

Bytes image_shard(std::uint8_t first) {
  const auto next = [first](int i) { return static_cast<std::uint8_t>(first + i); };
  return ShardBytes(0, 0, 1, 2, 4, 1, 1)
      .section<std::uint8_t>({next(0), next(1), next(2), next(3)})
      .section<std::int32_t>({0, 1})
      .section<std::int32_t>({0, 1})
      .bytes();
}

// Two training shards and one test shard of two images of 1 x 2.
class Shards : public ::testing::Test {
 protected:
  void SetUp() override {
    index_ = Json::parse(R"({
      "format": "coppice-shards", "version": 1, "kind": "image", "shape": [1, 2, 1],
      "target": {"kind": "class", "count": 2, "names": ["left", "right"]},
      "columns": [{"name": "owner", "labels": ["ann", "bob"]}],
      "note": "made up"})");
    index_["splits"]["train"] =
        Json::array({add("train-00000.shard", image_shard(0)), add("train-00001.shard", image_shard(100))});
    index_["splits"]["test"] = Json::array({add("test-00000.shard", image_shard(200))});
    source_.path = folder_.path();
  }

  Json add(const std::string& name, const Bytes& bytes) {
    write_bytes(folder_.path(name), bytes);
    return {{"file", name}, {"examples", 2}, {"bytes", bytes.size()}, {"blake2b", digest_of(bytes).hex()}};
  }
  LoadedData load() {
    write_text(folder_.path("index.json"), index_.dump());
    return load_data(source_);
  }

  TemporaryFolder folder_;
  Json index_;
  ShardSource source_;
};

TEST_F(Shards, AreOneDataSet) {
  const LoadedData data = load();
  EXPECT_EQ(data.train->spec().describe(), "image 1x2x1, 2 classes");
  EXPECT_EQ(data.train->size(), 4);
  EXPECT_EQ(data.test->size(), 2);
  EXPECT_EQ(data.note, "made up");
  EXPECT_EQ(data.train->class_names(), (std::vector<std::string>{"left", "right"}));
  EXPECT_EQ(data.train->column("owner").values, (std::vector<std::int32_t>{0, 1, 0, 1}));
  EXPECT_EQ(data.train->column("owner").labels[1], "bob");
  std::vector<float> x(4);
  const std::int64_t indices[] = {3, 0};
  data.train->read_inputs(indices, x.data());
  EXPECT_EQ(x, (std::vector<float>{102 / 255.0F, 103 / 255.0F, 0.0F, 1 / 255.0F}));
}

TEST_F(Shards, ThatWereChangedAreRefused) {
  load();
  Bytes changed = image_shard(100);
  changed[64] ^= std::byte{1};
  write_bytes(folder_.path("train-00001.shard"), changed);
  EXPECT_INPUT_ERROR(load(), "train-00001.shard: found digest");
  source_.verify = false;
  EXPECT_EQ(load().train->size(), 4);
  changed.resize(128);
  write_bytes(folder_.path("train-00001.shard"), changed);
  EXPECT_INPUT_ERROR(load(), "found 128 bytes, expected 256 from index.json");
  std::filesystem::remove(folder_.path("train-00001.shard"));
  EXPECT_INPUT_ERROR(load(), "train-00001.shard: no such file");
}

TEST_F(Shards, WithAnIndexThatIsWrongAreRefused) {
  const Json sound = index_;
  const auto with = [&](const std::string& pointer, const Json& value) {
    index_ = sound;
    index_[Json::json_pointer(pointer)] = value;
    return input_error_of([this] { load(); });
  };
  const auto expect = [&](const std::string& pointer, const Json& value, const std::string& part) {
    const std::string found = with(pointer, value);
    EXPECT_NE(found.find("index.json: "), std::string::npos) << found;
    EXPECT_NE(found.find(part), std::string::npos) << found;
  };
  expect("/version", 2, "version: found 2, expected 1");
  expect("/version", "1", "version: found '\"1\"', expected a whole number");
  expect("/kind", "imgae", "did you mean 'image'?");
  expect("/shape", {1, 2}, "dims of an example: found 2, expected 3");
  expect("/shape", {1, 2, -1}, "shape[2]: found '-1'");
  expect("/shape", {1, 1e9, 1}, "expected a whole number");
  expect("/shape", {1, 1000000000000, 1}, "shape of an example");
  expect("/colums", {}, "did you mean 'columns'?");
  expect("/splits/train/0/file", "../train-00000.shard", "expected a file name without a folder");
  expect("/splits/train/0/blake2b", "12", "splits.train[0].blake2b");
  expect("/splits/train", 3, "splits.train: found number, expected a list");
  expect("/target/count", 18446744073709551615u, "expected a whole number");
  expect("/columns/0/name", "a\nb", "columns[0].name: found 'a\\nb', expected a line of text");
  expect("/mean", {0.5, 0.5}, "entries of `mean`");
  index_ = sound;
  index_["splits"].erase("test");
  EXPECT_INPUT_ERROR(load(), "key 'test' is missing");
  EXPECT_NE(with("/target/count", 1).find("label of example 1"), std::string::npos);
  EXPECT_NE(with("/columns/0/labels", Json::array({"ann"})).find("column 'owner': found 1"), std::string::npos);
  EXPECT_NE(with("/splits/train/0/examples", 3).find("found 2 examples, expected 3"), std::string::npos);
  write_text(folder_.path("index.json"), "{\"format\": ");
  EXPECT_INPUT_ERROR(load_data(source_), "index.json: broken JSON");
  EXPECT_INPUT_ERROR(load_data(ShardSource{.path = folder_.path("absent")}), "index.json: no such file");
  source_.tokens = 5;
  index_ = sound;
  EXPECT_INPUT_ERROR(load(), "`tokens` sets the length of token examples");
}

TEST_F(Shards, IndexSurvivesMutations) {
  survive_mutations(bytes_of(index_.dump()), 20000, [](std::span<const std::byte> mutated) {
    parse_shard_index({reinterpret_cast<const char*>(mutated.data()), mutated.size()}, "m.json");
  });
  EXPECT_INPUT_ERROR(parse_shard_index(std::string(1 << 20, '['), "deep.json"), "broken JSON");
  EXPECT_INPUT_ERROR(parse_shard_index(std::string(1 << 20, '[') + std::string(1 << 20, ']'), "deep.json"),
                     "found array, expected an object");
}

}  // namespace
}  // namespace coppice
