// Against figures that tests/golden/data/make_goldens.py computed with numpy alone.
#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "data/inspect.h"
#include "data/source.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

const Json& goldens() {
  static const Json json = Json::parse(std::ifstream(COPPICE_GOLDEN_DIR "/data/goldens.json"));
  return json;
}

// Null, and a skipped test, where the data is not on this machine.
template <class Source>
LoadedData real(const Source& source) {
  try {
    return load_data(source);
  } catch (const InputError& error) {
    return {nullptr, nullptr, error.what()};
  }
}

#define SKIP_WITHOUT(data) \
  if ((data).train == nullptr) GTEST_SKIP() << "real data is absent: " << (data).note

// The bytes that normalised inputs stand for.
std::string pixel_digest(const Dataset& data, std::int64_t count) {
  const ExampleSpec& spec = data.spec();
  const auto channels = static_cast<std::size_t>(spec.shape[2]);
  std::vector<float> x(static_cast<std::size_t>(spec.values_per_example()));
  Hasher hasher;
  for (std::int64_t i = 0; i < count; ++i) {
    data.read_inputs(std::span(&i, 1), x.data());
    std::vector<std::uint8_t> bytes;
    for (std::size_t v = 0; v < x.size(); ++v) {
      const std::size_t c = v % channels;
      bytes.push_back(static_cast<std::uint8_t>(std::lround((x[v] * spec.scale[c] + spec.mean[c]) * 255.0)));
    }
    hasher.add(std::as_bytes(std::span(bytes)));
  }
  return hasher.finish().hex();
}

std::vector<int> first_labels(const Dataset& data, std::size_t count) {
  return {data.classes().begin(), data.classes().begin() + static_cast<std::ptrdiff_t>(count)};
}

// The mean over `draws` seeds lies within 3 standard errors of both sides' means.
void expect_mean(const Json& golden, const std::vector<double>& found, const char* what) {
  double mean = 0.0;
  for (const double value : found) mean += value / static_cast<double>(found.size());
  const double variance = std::pow(golden["sd"].get<double>(), 2.0);
  const double error =
      std::sqrt(variance / static_cast<double>(found.size()) + variance / golden["draws"].get<double>());
  EXPECT_NEAR(mean, golden["mean"].get<double>(), 3.0 * error) << what;
}

double size_variance(const Partition& partition) {
  const double mean = static_cast<double>(partition.num_samples()) / static_cast<double>(partition.num_clients());
  double sum = 0.0;
  for (std::int64_t c = 0; c < partition.num_clients(); ++c) {
    sum += std::pow(static_cast<double>(partition.samples_of(c).size()) - mean, 2.0);
  }
  return sum / static_cast<double>(partition.num_clients());
}

double classes_per_client(const DataSummary& summary) {
  double sum = 0.0;
  for (const ClientSummary& client : summary.clients) {
    for (const std::int64_t count : client.class_counts) sum += count > 0 ? 1.0 : 0.0;
  }
  return sum / static_cast<double>(summary.clients.size());
}

TEST(Golden, FashionMnistDecodes) {
  const LoadedData data = real(FashionMnistSource{});
  SKIP_WITHOUT(data);
  const Json& golden = goldens()["fashion_mnist"];
  EXPECT_EQ(data.train->size(), golden["shape"][0]);
  EXPECT_EQ(data.test->size(), 10000);
  EXPECT_EQ(pixel_digest(*data.train, 16), golden["first_16_images"]);
  EXPECT_EQ(pixel_digest(*data.train, data.train->size()), golden["all_images"]);
  EXPECT_EQ(first_labels(*data.train, 32), golden["first_labels"].get<std::vector<int>>());
  EXPECT_EQ(summarize(data).train.class_counts, golden["class_counts"].get<std::vector<std::int64_t>>());
  std::vector<float> x(784);
  const std::int64_t first[] = {0};
  data.train->read_inputs(first, x.data());
  double sum = 0.0, squares = 0.0;
  for (const float v : x) sum += v, squares += static_cast<double>(v) * v;
  EXPECT_NEAR(sum, golden["first_image_sum"].get<double>(), 1e-4);
  EXPECT_NEAR(squares, golden["first_image_squares"].get<double>(), 1e-3);
}

TEST(Golden, MnistWritersAreClients) {
  const LoadedData data = real(MnistByWriterSource{});
  SKIP_WITHOUT(data);
  const Json& golden = goldens()["mnist_by_writer"];
  EXPECT_EQ(pixel_digest(*data.train, 16), golden["first_images"]);
  const Partition writers = make_partition(ByColumnPartition{.column = "writer"}, *data.train, Seed{.run = 1});
  std::vector<std::int64_t> sizes;
  for (std::int64_t c = 0; c < writers.num_clients(); ++c) {
    sizes.push_back(static_cast<std::int64_t>(writers.samples_of(c).size()));
  }
  EXPECT_EQ(sizes, golden["sizes_by_ascending_writer"].get<std::vector<std::int64_t>>());
  EXPECT_EQ(writers.num_clients(), 539);
  EXPECT_EQ(make_partition(ByColumnPartition{.column = "writer"}, *data.test, Seed{.run = 1}).num_clients(),
            golden["test_writers"]);
}

TEST(Golden, Cifar10SubsetDecodes) {
  const LoadedData data = real(Cifar10Source{});
  SKIP_WITHOUT(data);
  const Json& golden = goldens()["cifar10_subset"];
  if (data.train->size() != golden["examples"]) GTEST_SKIP() << "another CIFAR-10 than the subset stands there";
  EXPECT_EQ(pixel_digest(*data.train, data.train->size()), golden["all_pixels_nhwc"]);
  EXPECT_EQ(first_labels(*data.train, 32), golden["first_labels"].get<std::vector<int>>());
  EXPECT_NE(data.note.find("JPEG"), std::string::npos);
}

TEST(Golden, DirichletPartitionsHaveTheStatisticsOfNumpys) {
  const LoadedData data = real(FashionMnistSource{});
  SKIP_WITHOUT(data);
  constexpr std::uint64_t kSeeds = 20;
  for (const Json& golden : goldens()["dirichlet"]) {
    const DirichletPartition config{.alpha = golden["alpha"], .clients = golden["clients"]};
    std::vector<double> entropies, variances, classes;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const Partition partition = make_partition(config, *data.train, Seed{.run = seed});
      const DataSummary summary = summarize({data.train, data.test, ""}, partition, config.clients);
      entropies.push_back(summary.mean_class_entropy);
      variances.push_back(size_variance(partition));
      classes.push_back(classes_per_client(summary));
    }
    SCOPED_TRACE("alpha " + std::to_string(config.alpha));
    expect_mean(golden["mean_class_entropy"], entropies, "mean class entropy");
    expect_mean(golden["size_variance"], variances, "variance of sizes");
    expect_mean(golden["classes_per_client"], classes, "classes a client");
  }
}

TEST(Golden, QuantityPartitionsHaveTheStatisticsOfNumpys) {
  const Json& golden = goldens()["quantity"];
  const auto data = balanced(60000, 10);
  const QuantityPartition config{.alpha = golden["alpha"], .clients = golden["clients"]};
  std::vector<double> variances;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    variances.push_back(size_variance(make_partition(config, *data, Seed{.run = seed})));
  }
  expect_mean(golden["size_variance"], variances, "variance of sizes");
}

}  // namespace
}  // namespace coppice
