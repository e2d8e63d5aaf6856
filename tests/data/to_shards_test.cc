// tools/to_shards.py writes what the data source `shards` reads.
#include <cstdlib>

#include <numeric>

#include "data/contract_check.h"
#include "data/shard_source.h"
#include "tests/core/temporary_folder.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

class ToShards : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has("numpy")) GTEST_SKIP() << "no Python with numpy at '" COPPICE_PYTHON "'";
  }
  static bool has(const std::string& module) {
    return std::system((COPPICE_PYTHON " -c 'import " + module + "' >/dev/null 2>&1").c_str()) == 0;
  }
  int run(const std::string& arguments) const {
    const std::string command = "'" COPPICE_PYTHON "' -B '" COPPICE_TO_SHARDS "' " + arguments + " --out " +
                                folder_.path("shards") + " >" + folder_.path("log") + " 2>&1";
    return WEXITSTATUS(std::system(command.c_str()));
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_.path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string log() const { return read("log"); }
  LoadedData load() const { return load_data(ShardSource{.path = folder_.path("shards")}); }

  TemporaryFolder folder_;
};

TEST_F(ToShards, TokensOfTextsWithTheirOwners) {
  write_text(folder_.path("a.jsonl"),
             "{\"play\": \"P\", \"role\": \"A\", \"speeches\": [\"abc\", \"de\"]}\n"
             "{\"play\": \"P\", \"role\": \"B\", \"speeches\": [\"cab\"]}\n");
  write_text(folder_.path("b.jsonl"), "{\"play\": \"Q\", \"role\": \"A\", \"speeches\": [\"az\"]}\n");
  ASSERT_EQ(run("jsonl --train " + folder_.path("a.jsonl") + " --test " + folder_.path("b.jsonl") +
                " --input speeches --as tokens --task next-token --tokenizer characters --length 4 --column play+role"),
            0)
      << log();
  const LoadedData data = load();
  // \n a b c d e = 1..6; "abc\nde" is 2 3 4 1 5 6.
  ASSERT_EQ(data.train->size(), 3);
  EXPECT_EQ(data.train->spec().vocabulary, 7);
  std::vector<std::int64_t> tokens(12), next(12);
  const std::int64_t indices[] = {0, 1, 2};
  data.train->read_tokens(indices, tokens.data());
  data.train->read_next_tokens(indices, next.data());
  constexpr std::int64_t kNone = Dataset::kIgnoredTarget;
  EXPECT_EQ(tokens, (std::vector<std::int64_t>{2, 3, 4, 1, 5, 0, 0, 0, 4, 2, 0, 0}));
  EXPECT_EQ(next, (std::vector<std::int64_t>{3, 4, 1, 5, 6, kNone, kNone, kNone, 2, 3, kNone, kNone}));
  EXPECT_EQ(data.train->column("play+role").values, (std::vector<std::int32_t>{0, 0, 1}));
  EXPECT_EQ(data.test->column("play+role").labels[2], "Q/A");
  data.test->read_next_tokens(std::span(indices).first(1), next.data());
  EXPECT_EQ(next[0], 0);  // z is in no training text
}

TEST_F(ToShards, FeaturesAndClasses) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += "{\"x\": [" + std::to_string(i) + ", 5], \"y\": " + std::to_string(0.5 * i) + ", \"kind\": \"" +
            (i % 2 == 0 ? "dog" : "cat") + "\"}\n";
  }
  write_text(folder_.path("a.jsonl"), text);
  ASSERT_EQ(
      run("jsonl --train " + folder_.path("a.jsonl") + " --input x,y --as features --target kind --test-fraction 0.2"),
      0)
      << log();
  const LoadedData data = load();
  EXPECT_EQ(data.train->spec().shape, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(data.train->class_names(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(data.train->size() + data.test->size(), 200);
  EXPECT_GT(data.test->size(), 15);
  double sum = 0.0, squares = 0.0;
  for (std::int64_t i = 0; i < data.train->size(); ++i) {
    float x[3];
    data.train->read_inputs(std::span(&i, 1), x);
    sum += x[0];
    squares += static_cast<double>(x[0]) * x[0];
    EXPECT_EQ(x[1], 0.0F);
    EXPECT_NEAR(x[0], x[2], 1e-5);  // y is half of x[0]
  }
  EXPECT_NEAR(sum / static_cast<double>(data.train->size()), 0.0, 1e-5);
  EXPECT_NEAR(squares / static_cast<double>(data.train->size()), 1.0, 1e-5);
}

TEST_F(ToShards, TablesOfNumbersWordsAndHolesKeepTheirContract) {
  std::string text = "age,weight,sex,outcome,hospital\n";
  for (int i = 0; i < 20; ++i) {
    text += std::to_string(20 + i) + "," + (i % 5 == 0 ? "" : std::to_string(60 + i)) + "," + (i % 3 == 0 ? "f" : "m") + "," +
            (i % 2 == 0 ? "ill" : "well") + ",\"north, \"\"" + std::to_string(i % 2) + "\"\"\"\n";
  }
  write_text(folder_.path("a.csv"), text);
  const std::string table = " --input age,weight,sex --as features --target outcome --column hospital";
  ASSERT_EQ(run("csv --train " + folder_.path("a.csv") + table + " --category sex --missing weight"), 0) << log();
  const LoadedData data = load();
  EXPECT_EQ(data.train->spec().shape, (std::vector<std::int64_t>{5}));  // age, weight, whether it is missing, f, m
  ASSERT_EQ(data.sources.size(), 1u);
  EXPECT_EQ(data.sources[0].digest, digest_of(text));
  EXPECT_EQ(data.train->column("hospital").labels, (std::vector<std::string>{"north, \"0\"", "north, \"1\""}));
  std::vector<double> weights;
  float filled = 0.0F;
  for (std::int64_t i = 0; i < data.train->size(); ++i) {
    const auto* row = reinterpret_cast<const float*>(data.train->stored_input(i).values.data());
    EXPECT_EQ(row[3] + row[4], 1.0F);
    if (row[2] == 1.0F) {
      filled = row[1];
    } else {
      weights.push_back(static_cast<double>(row[1]));
    }
  }
  double mean = 0.0;
  for (const double weight : weights) mean += weight / static_cast<double>(weights.size());
  EXPECT_NEAR(static_cast<double>(filled), mean, 1e-4);

  const DataContract contract = read_contract(data.contract);
  for (const auto& split : {data.train, data.test}) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(split->size()));
    std::iota(all.begin(), all.end(), 0);
    check_kind(contract, *split, "data");
    check_examples(contract, *split, all, "client 0");
    check_classes(contract, *split, "data");
  }

  // Another owner, who has one class and no m, encodes alike; what the contract does not allow is one line.
  std::filesystem::rename(folder_.path("shards"), folder_.path("ours"));
  const std::string theirs = "csv --train " + folder_.path("b.csv") + table + " --contract " + folder_.path("ours/contract.json");
  write_text(folder_.path("b.csv"), "age,weight,sex,outcome,hospital\n30,,f,well,south\n31,70,f,well,south\n");
  ASSERT_EQ(run(theirs + " --test-fraction 0"), 0) << log();
  const LoadedData other = load();
  EXPECT_EQ(other.train->spec(), data.train->spec());
  EXPECT_EQ(other.train->classes()[0], 1);
  EXPECT_EQ(read_contract(other.contract).digest(), contract.digest());
  std::filesystem::remove_all(folder_.path("shards"));
  for (const auto& [row, part] : std::vector<std::pair<std::string, std::string>>{
           {"300,70,f,well,south", "b.csv:2: column 'age': found 300, expected 20..39"},
           {"30,70,x,well,south", "b.csv:2: column 'sex': found 'x', expected one of: f, m"},
           {"30,70,,well,south", "b.csv:2: column 'sex': the value is missing"},
           {"30,70,f,dead,south", "b.csv:2: found class 'dead', which is not in the contract; expected one of: ill, well"}}) {
    write_text(folder_.path("b.csv"), "age,weight,sex,outcome,hospital\n" + row + "\n");
    EXPECT_EQ(run(theirs), 2);
    EXPECT_NE(log().find(part), std::string::npos) << log();
  }
}

TEST_F(ToShards, BagsOfWordsWithSeveralLabelsOverSeveralShards) {
  std::string text;
  for (int i = 0; i < 3; ++i)
    text += "{\"t\": \"the Cat the dog " + std::string(static_cast<std::size_t>(i), 'z') +
            "\", \"p\": 1, \"q\": " + std::to_string(i % 2) + "}\n";
  write_text(folder_.path("a.jsonl"), text);
  const std::string file = folder_.path("a.jsonl");
  ASSERT_EQ(run("jsonl --train " + file + " --test " + file +
                " --input t --as bag-of-words --vocabulary 3 --target p,q --task multi-label --shard-mb 0"),
            0)
      << log();
  EXPECT_TRUE(std::filesystem::exists(folder_.path("shards/train-00002.shard")));
  const LoadedData data = load();
  const std::int64_t indices[] = {2, 1};
  std::vector<float> x(6), y(4);
  data.train->read_inputs(indices, x.data());
  data.train->read_targets(indices, y.data());
  EXPECT_EQ(x, (std::vector<float>{2, 1, 1, 2, 1, 1}));  // the, cat, dog
  EXPECT_EQ(y, (std::vector<float>{1, 0, 1, 1}));
}

TEST_F(ToShards, BagsOfWordsForTopics) {
  std::string text;
  for (const char* line : {"the cat", "the dog", "the dog dog", "the"}) text += std::string("{\"t\": \"") + line + "\", \"who\": \"a\"}\n";
  write_text(folder_.path("a.jsonl"), text);
  const std::string file = folder_.path("a.jsonl");
  const std::string bags = "jsonl --train " + file + " --test " + file + " --input t --as bag-of-words --column who --task words";
  ASSERT_EQ(run(bags + " --most-documents 0.5"), 0) << log();
  EXPECT_NE(log().find("left out: 2 documents"), std::string::npos) << log();
  const LoadedData data = load();
  EXPECT_EQ(data.train->spec().describe(), "bag-of-words 2, 2 words");
  EXPECT_EQ(read_contract(data.contract).words, (std::vector<std::string>{"dog", "cat"}));
  ASSERT_EQ(data.train->size(), 3);
  const std::int64_t indices[] = {0, 1, 2};
  std::vector<float> x(6);
  data.train->read_inputs(indices, x.data());
  EXPECT_EQ(x, (std::vector<float>{0, 1, 1, 0, 2, 0}));
  std::filesystem::remove_all(folder_.path("shards"));
  for (const auto& [more, part] : {std::pair(" --vocabulary 0", "found 0 and 1"), std::pair(" --most-documents 0.1", "found no word"),
                                   std::pair(" --target who", "found 1 target fields, expected none")}) {
    EXPECT_EQ(run(bags + more), 2) << log();
    EXPECT_NE(log().find(part), std::string::npos) << log();
  }
}

TEST_F(ToShards, ParquetAndArrowGiveWhatCsvGives) {
  if (!has("pyarrow")) GTEST_SKIP() << "no pyarrow at '" COPPICE_PYTHON "'";
  write_text(folder_.path("a.csv"), "text,topic\n\"cards, lost\",card\nwhere is my card,card\nrate of exchange,money\nchange of rate,money\n");
  write_text(folder_.path("convert.py"), R"(
import csv, sys
import pyarrow, pyarrow.ipc, pyarrow.parquet
folder = sys.argv[1]
table = pyarrow.Table.from_pylist(list(csv.DictReader(open(folder + '/a.csv'))))
pyarrow.parquet.write_table(table, folder + '/a.parquet')
with pyarrow.ipc.new_stream(folder + '/a.arrow', table.schema) as stream:
    stream.write_table(table)
)");
  ASSERT_EQ(std::system(("'" COPPICE_PYTHON "' " + folder_.path("convert.py") + " " + folder_.path(".")).c_str()), 0);
  const std::string bags = " --input text --as bag-of-words --vocabulary 5 --target topic --test-fraction 0";
  std::vector<std::string> shards;
  for (const std::string kind : {"csv", "parquet", "arrow"}) {
    const std::string command = kind == "csv" ? "csv" : "parquet";
    ASSERT_EQ(run(command + " --train " + folder_.path("a." + kind) + bags), 0) << log();
    shards.push_back(read("shards/train-00000.shard"));
    std::filesystem::remove_all(folder_.path("shards"));
  }
  EXPECT_EQ(shards[1], shards[0]);
  EXPECT_EQ(shards[2], shards[0]);
  write_text(folder_.path("a.parquet"), "x");
  EXPECT_EQ(run("parquet --train " + folder_.path("a.parquet") + bags), 2);
  EXPECT_NE(log().find("a.parquet: "), std::string::npos) << log();
}

TEST_F(ToShards, ImagesOfAFolder) {
  if (!has("PIL")) GTEST_SKIP() << "no Pillow at '" COPPICE_PYTHON "'";
  for (const char* split : {"train", "test"}) {
    for (const char* label : {"blue", "red"}) {
      const std::string folder = folder_.path(std::string(split) + "/" + label);
      std::filesystem::create_directories(folder);
      const char pixel = *label == 'r' ? '\x10' : '\x20';
      for (const char* name : {"/1.ppm", "/2.ppm"}) {
        write_text(folder + name, std::string("P6\n1 2\n255\n") + std::string(3, pixel) + name[1] + "zz");
      }
    }
  }
  ASSERT_EQ(run("images --train " + folder_.path("train") + " --test " + folder_.path("test")), 0) << log();
  const LoadedData data = load();
  EXPECT_EQ(data.train->spec().describe(), "image 2x1x3, 2 classes");
  EXPECT_EQ(data.train->class_names(), (std::vector<std::string>{"blue", "red"}));
  EXPECT_EQ(data.note, "");
  const ExampleSpec& spec = data.train->spec();
  float x[6];
  const std::int64_t last[] = {3};
  data.train->read_inputs(last, x);
  const double bytes[] = {0x10, 0x10, 0x10, '2', 'z', 'z'};
  for (std::size_t v = 0; v < 6; ++v) {
    EXPECT_NEAR(x[v] * spec.scale[v % 3] + spec.mean[v % 3], bytes[v] / 255.0, 1e-6);
  }
}

TEST_F(ToShards, BadInputIsOneLineAndLeavesNothing) {
  write_text(folder_.path("a.jsonl"), "{\"x\": 1, \"y\": 0}\n{\"x\": \"two\", \"y\": 1}\n");
  const std::string file = folder_.path("a.jsonl");
  const auto expect = [&](const std::string& arguments, const std::string& part) {
    EXPECT_EQ(run(arguments), 2) << log();
    const std::string lines = log();
    EXPECT_NE(lines.find(part), std::string::npos) << lines;
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
    EXPECT_FALSE(std::filesystem::exists(folder_.path("shards")));
  };
  expect("jsonl --train " + file + " --input x --as features --target y", "a.jsonl:2: column 'x': found 'two', expected a number");
  expect("jsonl --train " + file + " --input X --as features --target y", "no field 'X'");
  expect("jsonl --train " + file + " --input x --as features", "expected 1");
  expect("jsonl --train " + folder_.path("b.jsonl") + " --input x --as features --target y", "b.jsonl");
  expect("images --train " + folder_.path("b"), "no such file or folder");
}

}  // namespace
}  // namespace coppice
