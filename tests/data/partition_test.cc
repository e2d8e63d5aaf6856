#include "data/partition.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "tests/data/samples.h"

namespace coppice {
namespace {

constexpr Seed kSeed{.run = 7};

std::vector<std::int64_t> all_samples(const Partition& partition) {
  std::vector<std::int64_t> all;
  for (std::int64_t c = 0; c < partition.num_clients(); ++c) {
    const auto samples = partition.samples_of(c);
    all.insert(all.end(), samples.begin(), samples.end());
  }
  return all;
}

std::vector<std::int64_t> sizes_of(const Partition& partition) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t c = 0; c < partition.num_clients(); ++c) {
    sizes.push_back(static_cast<std::int64_t>(partition.samples_of(c).size()));
  }
  return sizes;
}

std::set<std::int32_t> classes_of(const Partition& partition, std::int64_t client, const Dataset& data) {
  std::set<std::int32_t> classes;
  for (const std::int64_t i : partition.samples_of(client)) classes.insert(data.classes()[static_cast<std::size_t>(i)]);
  return classes;
}

std::vector<PartitionConfig> all_kinds() {
  return {IidPartition{.clients = 30}, DirichletPartition{.alpha = 0.1, .clients = 30, .min_samples = 5},
          PathologicalPartition{.clients = 30, .classes_per_client = 3},
          QuantityPartition{.alpha = 0.1, .clients = 30, .min_samples = 5}};
}

TEST(Partition, GivesEveryExampleToExactlyOneClient) {
  const auto data = balanced(3001, 10);
  std::vector<std::int64_t> everything(3001);
  std::iota(everything.begin(), everything.end(), 0);
  for (const PartitionConfig& config : all_kinds()) {
    const Partition partition = make_partition(config, *data, kSeed);
    EXPECT_EQ(partition.num_clients(), 30);
    std::vector<std::int64_t> dealt = all_samples(partition);
    std::sort(dealt.begin(), dealt.end());
    EXPECT_EQ(dealt, everything) << config.index();
  }
}

TEST(Partition, DependsOnTheSeedAlone) {
  const auto data = balanced(3001, 10);
  for (const PartitionConfig& config : all_kinds()) {
    const auto once = all_samples(make_partition(config, *data, kSeed));
    make_partition(config, *data, Seed{.run = 8});
    EXPECT_EQ(all_samples(make_partition(config, *data, kSeed)), once) << config.index();
    EXPECT_NE(all_samples(make_partition(config, *data, Seed{.run = 8})), once) << config.index();
  }
}

TEST(Partition, KeepsTheLeastSize) {
  const auto data = balanced(300, 10);
  for (const double alpha : {0.001, 0.01, 1.0}) {
    for (const std::int64_t least : {1, 5, 10}) {
      const PartitionConfig configs[] = {DirichletPartition{.alpha = alpha, .clients = 30, .min_samples = least},
                                         QuantityPartition{.alpha = alpha, .clients = 30, .min_samples = least}};
      for (const PartitionConfig& config : configs) {
        const auto sizes = sizes_of(make_partition(config, *data, kSeed));
        EXPECT_GE(*std::min_element(sizes.begin(), sizes.end()), least);
        EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}), 300);
      }
    }
  }
}

TEST(Partition, TopsUpFromTheLargestClientsOnly) {
  // At alpha = 0.001 a class goes almost whole to one client; whoever is topped up gets just the least.
  const auto data = balanced(1000, 5);
  const auto sizes =
      sizes_of(make_partition(DirichletPartition{.alpha = 0.001, .clients = 20, .min_samples = 3}, *data, kSeed));
  EXPECT_GE(std::count(sizes.begin(), sizes.end(), 3), 14);
  EXPECT_GE(*std::max_element(sizes.begin(), sizes.end()), 150);
}

TEST(Partition, IidSizesDifferByAtMostOne) {
  const auto sizes = sizes_of(make_partition(IidPartition{.clients = 7}, *balanced(100, 10), kSeed));
  EXPECT_EQ(*std::max_element(sizes.begin(), sizes.end()), 15);
  EXPECT_EQ(*std::min_element(sizes.begin(), sizes.end()), 14);
}

TEST(Partition, PathologicalClientsHoldExactlyTheirClasses) {
  const auto data = balanced(6000, 10);
  for (const std::int64_t k : {1, 2, 3, 7, 10}) {
    for (const std::int64_t clients : {10, 23, 100}) {
      const Partition partition =
          make_partition(PathologicalPartition{.clients = clients, .classes_per_client = k}, *data, kSeed);
      std::vector<std::int64_t> holders(10, 0);
      for (std::int64_t c = 0; c < clients; ++c) {
        const auto classes = classes_of(partition, c, *data);
        EXPECT_EQ(static_cast<std::int64_t>(classes.size()), k);
        for (const std::int32_t label : classes) ++holders[static_cast<std::size_t>(label)];
      }
      const auto [least, most] = std::minmax_element(holders.begin(), holders.end());
      EXPECT_LE(*most - *least, 1) << k << " classes, " << clients << " clients";
    }
  }
}

TEST(Partition, PathologicalSkipsClassesWithoutExamples) {
  const auto data = labelled({0, 0, 5, 5, 5, 5, 0, 0}, 8);
  const Partition partition =
      make_partition(PathologicalPartition{.clients = 4, .classes_per_client = 1}, *data, kSeed);
  for (std::int64_t c = 0; c < 4; ++c) EXPECT_EQ(classes_of(partition, c, *data).size(), 1u);
}

// Class-ordered lists would make every prefix one class.
TEST(Partition, AnyPrefixOfAClientIsAFairSample) {
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 20000; ++i) labels.push_back(i / 2000);
  const auto data = labelled(labels, 10);
  const Partition partition = make_partition(DirichletPartition{.alpha = 1000.0, .clients = 10}, *data, kSeed);
  for (std::int64_t c = 0; c < 10; ++c) {
    std::vector<int> counts(10, 0);
    for (const std::int64_t i : partition.samples_of(c).first(500))
      ++counts[static_cast<std::size_t>(labels[static_cast<std::size_t>(i)])];
    for (const int count : counts) {  // 50 expected, sd 6.7
      EXPECT_GT(count, 20);
      EXPECT_LT(count, 80);
    }
  }
}

TEST(Partition, ByColumnMakesAClientOfEachValue) {
  std::vector<std::int32_t> who{30, 10, 30, 20, 10, 30, 40, 10};
  const auto data = labelled({0, 1, 0, 1, 0, 1, 0, 1}, 2, {{"who", who, {}}});
  const Partition all = make_partition(ByColumnPartition{.column = "who"}, *data, kSeed);
  EXPECT_EQ(sizes_of(all), (std::vector<std::int64_t>{3, 1, 3, 1}));
  for (std::int64_t c = 0; c < 4; ++c) {
    for (const std::int64_t i : all.samples_of(c)) EXPECT_EQ(who[static_cast<std::size_t>(i)], 10 * (c + 1));
  }
  const Partition large = make_partition(ByColumnPartition{.column = "who", .min_samples = 2}, *data, kSeed);
  EXPECT_EQ(sizes_of(large), (std::vector<std::int64_t>{3, 3}));
  const Partition drawn = make_partition(ByColumnPartition{.column = "who", .clients = 3}, *data, kSeed);
  EXPECT_EQ(drawn.num_clients(), 3);
}

TEST(Partition, NamesWhatIsWrong) {
  const auto data = balanced(100, 10);
  const auto expect = [&](const PartitionConfig& config, const Dataset& dataset, const std::string& part) {
    EXPECT_INPUT_ERROR(make_partition(config, dataset, kSeed), part);
  };
  expect(IidPartition{.clients = 101}, *data, "partition 'iid': found 101 clients for 100 examples");
  expect(IidPartition{.clients = 0}, *data, "clients: found 0");
  expect(DirichletPartition{.alpha = 0.0}, *data, "alpha: found 0.0");
  expect(QuantityPartition{.alpha = -1.0}, *data, "alpha: found -1.0");
  expect(DirichletPartition{.clients = 10, .min_samples = 11}, *data, "min_samples: found 11");
  expect(PathologicalPartition{.clients = 10, .classes_per_client = 11}, *data,
         "classes_per_client: found 11, expected 1..10");
  expect(PathologicalPartition{.clients = 4, .classes_per_client = 2}, *data, "cannot hold all 10 classes");
  expect(PathologicalPartition{.clients = 100, .classes_per_client = 2}, *data, "has 10 examples for the 20 clients");
  const auto owned = labelled({0, 1}, 2, {{"writer", {1, 2}, {}}});
  expect(ByColumnPartition{.column = "writers"}, *owned, "did you mean 'writer'?");
  expect(ByColumnPartition{.column = "writer", .min_samples = 2}, *owned,
         "no value of column 'writer' has min_samples = 2");
  expect(ByColumnPartition{.column = "writer", .clients = 3}, *owned, "expected at most the 2 values");
  ExampleSpec spec;
  spec.shape = {1};
  spec.target = ExampleSpec::Target::kRegression;
  spec.num_targets = 1;
  const auto outputs = make_features(spec, Rows({SharedBytes::of(std::vector<float>{1, 2})}, 4), {{}, {1, 2}, {}, {}});
  expect(DirichletPartition{.clients = 2}, *outputs, "it needs class labels, and these are features 1, 1 outputs");
  EXPECT_THROW(make_partition(IidPartition{.clients = 2}, *data, kSeed).samples_of(2), Error);
  EXPECT_THROW(Partition({0, 2}, {1}), Error);
}

TEST(Partition, OfAHundredThousandClientsIsItsIndexAndNoMore) {
  const auto data = balanced(1'000'000, 10);
  const std::int64_t clients = 100'000;
  const PartitionConfig configs[] = {IidPartition{.clients = clients}, DirichletPartition{.clients = clients},
                                     PathologicalPartition{.clients = clients},
                                     QuantityPartition{.clients = clients, .min_samples = 2}};
  for (const PartitionConfig& config : configs) {
    const Partition partition = make_partition(config, *data, kSeed);
    EXPECT_EQ(partition.num_clients(), clients);
    EXPECT_EQ(partition.num_samples(), data->size());
    EXPECT_EQ(partition.index_bytes(), 8 * (clients + 1 + data->size()));
  }
}

}  // namespace
}  // namespace coppice
