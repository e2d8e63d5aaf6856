// Data larger than its bound is read with the bits of data that is loaded whole, and does not stay in memory.
#include "data/resident_bound.h"

#include <numeric>

#include <nlohmann/json.hpp>

#include "core/process_memory.h"
#include "data/client_manifest.h"
#include "data/shard_source.h"
#include "tests/core/temporary_folder.h"
#include "tests/data/shard_bytes.h"

namespace coppice {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kFeatures = 1024, kExamples = 8192;  // 32 MiB
constexpr std::int64_t kShards = 4;

// Shards of features that no two examples share.
void write_shards(const TemporaryFolder& folder) {
  nlohmann::json index{{"format", "coppice-shards"}, {"version", 1}, {"kind", "features"}, {"shape", {kFeatures}},
                       {"target", {{"kind", "class"}, {"count", 2}}}, {"splits", {{"test", nlohmann::json::array()}}}};
  for (std::int64_t s = 0; s < kShards; ++s) {
    constexpr std::int64_t kOfShard = kExamples / kShards;
    std::vector<float> values(kOfShard * kFeatures);
    std::iota(values.begin(), values.end(), static_cast<float>(s * 3));
    const Bytes bytes = ShardBytes(1, 0, 4, kOfShard, values.size(), 1, 0)
                            .section(values)
                            .section(std::vector<std::int32_t>(kOfShard, static_cast<std::int32_t>(s % 2)))
                            .bytes();
    const std::string name = "train-" + std::to_string(s) + ".shard";
    write_bytes(folder.path(name), bytes);
    index["splits"]["train"].push_back(
        {{"file", name}, {"examples", kOfShard}, {"bytes", bytes.size()}, {"blake2b", digest_of(bytes).hex()}});
  }
  write_text(folder.path("index.json"), index.dump());
}

struct Passed {
  Digest read;
  std::int64_t most_resident = 0;  // bytes that were not there before
};

// Loads and reads everything in a shuffled order, in batches of 32.
Passed pass(const std::string& folder, std::int64_t bound_mib) {
  const auto before = static_cast<std::int64_t>(rss_bytes());
  Passed passed;
  const auto look = [&] { passed.most_resident = std::max(passed.most_resident, static_cast<std::int64_t>(rss_bytes()) - before); };
  const LoadedData data = load_data(ShardSource{.path = folder, .resident_mib = bound_mib});
  look();
  std::vector<std::int64_t> order(kExamples);
  std::iota(order.begin(), order.end(), 0);
  Stream(Seed{.run = 5}, Purpose::kTest).shuffle(order);
  Hasher hasher;
  std::vector<float> x(32 * kFeatures);
  for (std::size_t at = 0; at < order.size(); at += 32) {
    data.train->read_inputs(std::span(order).subspan(at, 32), x.data());
    hasher.add(std::as_bytes(std::span(x)));
    look();
  }
  hasher.add_value(manifest_of(*data.train, 0, order, {}, false, true).digest.bytes);
  look();
  passed.read = hasher.finish();
  return passed;
}

TEST(ResidentBound, HoldsForDataEightTimesAsLarge) {
  const TemporaryFolder folder;
  write_shards(folder);
  const Passed bounded = pass(folder.path(), 4);
  const Passed whole = pass(folder.path(), 1024);
  EXPECT_EQ(bounded.read, whole.read);
  // The bound, a stretch of 8 MiB while digests are checked, and what the program itself takes for labels and order.
  EXPECT_LT(bounded.most_resident, 16 * kMiB);
  EXPECT_GT(whole.most_resident, 28 * kMiB);
}

TEST(ResidentBound, LeavesDataWithinItAlone) {
  const std::vector<std::byte> bytes(100);
  const ResidentBound within(nullptr, {bytes}, 100), beyond(nullptr, {bytes}, 99);
  EXPECT_FALSE(within.is_exceeded_by_all());
  EXPECT_TRUE(beyond.is_exceeded_by_all());
}

}  // namespace
}  // namespace coppice
