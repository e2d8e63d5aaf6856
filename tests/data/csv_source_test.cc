#include "data/csv_source.h"

#include <cmath>

#include "tests/core/temporary_folder.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

std::vector<float> inputs_of(const Dataset& data) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < data.size(); ++i) indices.push_back(i);
  std::vector<float> x(static_cast<std::size_t>(data.size() * data.spec().values_per_example()));
  data.read_inputs(indices, x.data());
  return x;
}

TEST(CsvSource, ReadsClassesColumnsAndStandardisesByTheTrainingRows) {
  const TemporaryFolder folder;
  write_text(folder.path("train.csv"), "u,who,v,kind\n1,ann,5,dog\n3,bob,5,cat\n5,ann,5,dog\n");
  write_text(folder.path("test.csv"), "kind,u,v,who\ncat,3,6,cid\n");
  CsvSource source;
  source.path = folder.path("train.csv");
  source.test = folder.path("test.csv");
  source.targets = {"kind"};
  source.columns = {"who"};
  const LoadedData data = load_data(source);
  EXPECT_EQ(data.train->spec().describe(), "features 2, 2 classes");
  EXPECT_EQ(data.train->class_names(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(std::vector<std::int32_t>(data.train->classes().begin(), data.train->classes().end()),
            (std::vector<std::int32_t>{1, 0, 1}));
  EXPECT_EQ(data.train->column("who").values, (std::vector<std::int32_t>{0, 1, 0}));
  EXPECT_EQ(data.test->column("who").values, (std::vector<std::int32_t>{2}));
  EXPECT_EQ(data.test->column("who").labels, (std::vector<std::string>{"ann", "bob", "cid"}));
  const std::vector<float> x = inputs_of(*data.train);
  const float unit = static_cast<float>(2.0 / std::sqrt(8.0 / 3.0));
  EXPECT_NEAR(x[0], -unit, 1e-6);
  EXPECT_EQ(x[1], 0.0F);  // constant
  EXPECT_EQ(x[2], 0.0F);
  EXPECT_NEAR(x[4], unit, 1e-6);
  EXPECT_EQ(inputs_of(*data.test), (std::vector<float>{0.0F, 1.0F}));
}

TEST(CsvSource, ReadsMultiLabelAndRegression) {
  const TemporaryFolder folder;
  write_text(folder.path("a.csv"), "f,p,q\n0.5,1,0\n1.5,0,1\n2.5,1,1\n");
  CsvSource source;
  source.path = source.test = folder.path("a.csv");
  source.task = CsvSource::Task::kMultiLabel;
  source.targets = {"p", "q"};
  const LoadedData labels = load_data(source);
  const std::int64_t indices[] = {2, 0};
  std::vector<float> targets(4);
  labels.train->read_targets(indices, targets.data());
  EXPECT_EQ(targets, (std::vector<float>{1, 1, 1, 0}));
  EXPECT_TRUE(labels.train->classes().empty());

  source.task = CsvSource::Task::kRegression;
  source.targets = {"f"};
  const LoadedData outputs = load_data(source);
  targets.resize(2);
  outputs.train->read_targets(indices, targets.data());
  EXPECT_EQ(targets, (std::vector<float>{2.5F, 0.5F}));
  EXPECT_EQ(outputs.train->spec().shape, (std::vector<std::int64_t>{2}));
}

TEST(CsvSource, SplitsOffATestByItsSeed) {
  const TemporaryFolder folder;
  std::string text = "f,y\n";
  for (int i = 0; i < 50; ++i) text += std::to_string(i) + "," + std::to_string(i % 3) + "\n";
  write_text(folder.path("a.csv"), text);
  CsvSource source;
  source.path = folder.path("a.csv");
  source.targets = {"y"};
  source.standardise = false;
  const LoadedData data = load_data(source);
  EXPECT_EQ(data.train->size(), 40);
  EXPECT_EQ(data.test->size(), 10);
  std::vector<float> all = inputs_of(*data.train);
  const std::vector<float> test = inputs_of(*data.test);
  all.insert(all.end(), test.begin(), test.end());
  std::sort(all.begin(), all.end());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)], static_cast<float>(i));
  EXPECT_EQ(load_data(source).test->digest(), data.test->digest());
  source.split_seed = 2;
  EXPECT_NE(load_data(source).test->digest(), data.test->digest());
}

TEST(CsvSource, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  write_text(folder.path("a.csv"), "f,y\n1,0\n2,1\n");
  write_text(folder.path("b.csv"), "f,y\n1,0\ntwo,1\n");
  write_text(folder.path("c.csv"), "f,y\n1,2\n");
  write_text(folder.path("d.csv"), "f,y\n");
  CsvSource source;
  source.path = source.test = folder.path("a.csv");
  EXPECT_INPUT_ERROR(load_data(source), "targets: found none");
  source.targets = {"Y"};
  EXPECT_INPUT_ERROR(load_data(source), "unknown column 'Y'");
  source.targets = {"y"};
  source.features = {"y"};
  EXPECT_INPUT_ERROR(load_data(source), "both a feature and a target");
  source.features.clear();
  source.test = folder.path("b.csv");
  EXPECT_INPUT_ERROR(load_data(source), "b.csv:3: column 'f': found 'two', expected a finite number");
  source.test = folder.path("c.csv");
  EXPECT_INPUT_ERROR(load_data(source), "label '2', which no training row has");
  source.test = folder.path("d.csv");
  EXPECT_INPUT_ERROR(load_data(source), "no rows");
  source.test = folder.path("a.cs");
  EXPECT_INPUT_ERROR(load_data(source), "no such file");
  source.test = folder.path("a.csv");
  source.task = CsvSource::Task::kMultiLabel;
  source.path = folder.path("c.csv");
  EXPECT_INPUT_ERROR(load_data(source), "c.csv:2: column 'y': found '2', expected 0 or 1");
}

}  // namespace
}  // namespace coppice
