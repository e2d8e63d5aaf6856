#include "core/config_yaml.h"
#include "data/batches.h"
#include "data/holdout.h"
#include "data/partition.h"
#include "data/source.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

struct Config {
  SourceConfig source;
  PartitionConfig partition;
  HoldoutConfig holdout;
  BatchRule batches;

  void visit(FieldVisitor& v) {
    v.variant("source", source, "where the data comes from");
    v.variant("partition", partition, "how it is dealt");
    v.group("holdout", holdout, "what is kept apart");
    v.group("batches", batches, "in which order");
  }
};

Config parsed(const std::string& text, const Extensions& extensions = {}) {
  Config config;
  read_yaml_text("a.yaml", text, {}, [&config](FieldVisitor& v) { config.visit(v); }, extensions);
  return config;
}

TEST(DataConfig, ReadsEverySourceAndPartition) {
  EXPECT_TRUE(std::holds_alternative<FashionMnistSource>(parsed("source: fashion-mnist").source));
  EXPECT_EQ(std::get<MnistByWriterSource>(parsed("source: mnist-by-writer").source).path, "mnist_by_writer");
  EXPECT_TRUE(std::holds_alternative<Cifar10Source>(parsed("source: cifar10").source));
  EXPECT_EQ(std::get<IdxSource>(parsed("source: {kind: idx, mean: [0.5], columns: [w]}").source).columns.size(), 1u);
  EXPECT_EQ(std::get<CsvSource>(parsed("source: {kind: csv, task: regression, targets: [y]}").source).task,
            CsvSource::Task::kRegression);
  EXPECT_EQ(std::get<ShardSource>(parsed("source: {kind: shards, path: a, verify: false}").source).verify, false);
  EXPECT_TRUE(std::holds_alternative<IidPartition>(parsed("partition: iid").partition));
  EXPECT_EQ(std::get<DirichletPartition>(parsed("partition: {kind: dirichlet, alpha: 0.1}").partition).alpha, 0.1);
  EXPECT_EQ(std::get<PathologicalPartition>(parsed("partition: {kind: pathological, clients: 7}").partition).clients,
            7);
  EXPECT_EQ(std::get<QuantityPartition>(parsed("partition: {kind: quantity, alpha: 2}").partition).alpha, 2.0);
  EXPECT_EQ(std::get<ByColumnPartition>(parsed("partition: {kind: by-column, column: w}").partition).column, "w");
  EXPECT_EQ(parsed("batches: {last: keep, min_size: 2}").batches.last, BatchRule::Last::kKeep);
  EXPECT_EQ(parsed("holdout: {count: 3000}").holdout.count, 3000);
}

TEST(DataConfig, NamesWhatIsWrong) {
  EXPECT_INPUT_ERROR(parsed("source: fashion_mnist"), "fashion-mnist");
  EXPECT_INPUT_ERROR(parsed("partition: {kind: dirichlet, alpha: 0}"), "partition.alpha");
  EXPECT_INPUT_ERROR(parsed("partition: {kind: dirichlet, alhpa: 1}"), "alpha");
}

// What another program would hand in.
struct Made final : DataSource {
  std::int64_t examples = 10;
  void visit(FieldVisitor& v) override { v.field("examples", examples, "of training", at_least(0)); }
  LoadedData load() const override { return {balanced(examples, 2), balanced(4, 2), "made"}; }
};

TEST(DataConfig, CustomSourcesAreHandedIn) {
  Extensions extensions;
  extensions.add<Made>("made");
  EXPECT_EQ(load_data(parsed("source: made", extensions).source).train->size(), 10);
  EXPECT_EQ(load_data(parsed("source: {kind: made, examples: 6}", extensions).source).train->size(), 6);
  EXPECT_INPUT_ERROR(load_data(parsed("source: {kind: made, examples: 0}", extensions).source), "data source 'made' yields no training examples");
  EXPECT_INPUT_ERROR(parsed("source: made"), "found 'made' (line 1); expected one of");
}

}  // namespace
}  // namespace coppice
