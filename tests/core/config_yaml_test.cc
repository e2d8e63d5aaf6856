#include "core/config_yaml.h"

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

#include "core/digest.h"
#include "core/error.h"
#include "core/file.h"
#include "tests/core/sample_config.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

using sample::Config;
using sample::Dirichlet;
using sample::Export;
using sample::Iid;
using sample::Score;
using sample::Warmup;
using Overrides = std::vector<std::string>;

Config parsed(const std::string& text, const Overrides& overrides = {}) {
  Config config;
  read_yaml_text("a.yaml", text, overrides, [&](FieldVisitor& v) { config.visit(v); });
  return config;
}

// The error line of a text that must be refused as bad input.
std::string refusal(const std::string& text, const Overrides& overrides = {}) {
  try {
    parsed(text, overrides);
  } catch (const InputError& error) {
    const std::string line = error.what();
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    return line;
  }
  ADD_FAILURE() << "accepted: " << text.substr(0, 200);
  return "";
}

const char kFull[] = R"(# a comment
verbose: true
seed: -7
kept_fraction: 1
floors: [0, 0.5]
ranks: []
data:
  source: "quoted: text"
  partition: {kind: dirichlet, alpha: 2}
  clip: {norm: 0.5}
stages:
  - warmup: {rounds: 3}
  - score:
      order: second
      granularity: [coarse, fine]
      prior: iid
  - warmup:
  - export
)";

TEST(ConfigYaml, ReadsEveryKindOfField) {
  const Config config = parsed(kFull);
  EXPECT_TRUE(config.verbose);
  EXPECT_EQ(config.seed, -7);
  EXPECT_EQ(config.kept_fraction, 1.0);
  EXPECT_EQ(config.floors, (std::vector<double>{0.0, 0.5}));
  EXPECT_TRUE(config.ranks.empty());
  EXPECT_EQ(config.data.source, "quoted: text");
  EXPECT_EQ(std::get<Dirichlet>(config.data.partition).alpha, 2.0);
  ASSERT_TRUE(config.data.clip.has_value());
  EXPECT_EQ(config.data.clip->norm, 0.5);
  ASSERT_EQ(config.stages.size(), 4U);
  EXPECT_EQ(std::get<Warmup>(config.stages[0]).rounds, 3);
  EXPECT_EQ(std::get<Score>(config.stages[1]).order, sample::Order::kSecond);
  EXPECT_EQ(std::get<Score>(config.stages[1]).granularity, (std::vector<std::string>{"coarse", "fine"}));
  EXPECT_TRUE(std::holds_alternative<Iid>(std::get<Score>(config.stages[1]).prior));
  EXPECT_EQ(std::get<Warmup>(config.stages[2]).rounds, 10);
  EXPECT_TRUE(std::holds_alternative<Export>(config.stages[3]));
}

TEST(ConfigYaml, EmptyFileIsEveryDefault) {
  EXPECT_EQ(parsed(""), Config{});
  EXPECT_EQ(parsed("# nothing\n---\n"), Config{});
}

TEST(ConfigYaml, WriteThenReadIsIdentity) {
  for (Config config : {Config{}, parsed(kFull)}) {
    config.data.source = "tab\t \"quote\" back\\slash \n\x01 gr\xc3\xbc\xc3\x9f null: #";
    config.floors = {1.0 / 3.0, 5e-324, 1.0};
    config.kept_fraction = 0x1.5555555555555p-2;
    const std::string text = write_config(config);
    EXPECT_EQ(parsed(text), config) << text;
    EXPECT_EQ(write_config(parsed(text)), text);
  }
  for (const char* source : {"",
                             "null",
                             "~",
                             "none",
                             "true",
                             "12",
                             "-",
                             "- x",
                             "a: b",
                             "a #b",
                             "[",
                             "*x",
                             "&x",
                             "!x",
                             "%x",
                             "@x",
                             "`x",
                             "'",
                             "yes",
                             "a:b",
                             " lead",
                             "trail ",
                             "/data/mnist-1.idx.gz",
                             "\xc2\x85\xe2\x80\xa8"}) {
    Config config;
    config.data.source = source;
    EXPECT_EQ(parsed(write_config(config)).data.source, source) << write_config(config);
  }
}

TEST(ConfigYaml, ResolvedTextIsCanonical) {
  EXPECT_EQ(write_config(parsed("data: {partition: {alpha: 2.0, kind: dirichlet}}\nseed: 3")),
            write_config(parsed("seed: +3\ndata:\n  partition:\n    kind: 'dirichlet'\n    alpha: 2")));
  EXPECT_EQ(write_config(Config{}), R"(verbose: false
seed: 1
kept_fraction: 0.4
floors: [0.1, 1e-300]
ranks: [1, 2]
data:
  source: "fashion mnist: all"
  partition:
    kind: dirichlet
    alpha: 0.125
  clip: none
stages: []
)");
}

TEST(ConfigYaml, OverridesReachEveryPlace) {
  EXPECT_EQ(parsed("", {"seed=5"}).seed, 5);
  EXPECT_EQ(parsed("seed: 4", {"seed=5", "seed=6"}).seed, 6);
  EXPECT_EQ(parsed("", {"data.source=a=b"}).data.source, "a=b");
  EXPECT_EQ(parsed("", {"data.source=''"}).data.source, "");
  EXPECT_EQ(parsed("", {"floors=[0.5, 1]"}).floors, (std::vector<double>{0.5, 1.0}));
  EXPECT_EQ(parsed(kFull, {"floors.1=0.25"}).floors, (std::vector<double>{0.0, 0.25}));
  EXPECT_EQ(std::get<Dirichlet>(parsed(kFull, {"data.partition.alpha=9"}).data.partition).alpha, 9.0);
  EXPECT_TRUE(std::holds_alternative<Iid>(parsed(kFull, {"data.partition=iid"}).data.partition));
  EXPECT_EQ(std::get<Dirichlet>(parsed("", {"data.partition={kind: dirichlet, alpha: 3}"}).data.partition).alpha, 3.0);
  EXPECT_EQ(
      std::get<Dirichlet>(parsed("data: {partition: dirichlet}", {"data.partition.alpha=7"}).data.partition).alpha,
      7.0);
  EXPECT_FALSE(parsed(kFull, {"data.clip=none"}).data.clip.has_value());
  EXPECT_EQ(parsed("data: {clip: none}", {"data.clip.norm=2"}).data.clip->norm, 2.0);
  EXPECT_EQ(parsed("", {"data.clip.norm=2"}).data.clip->norm, 2.0);
  EXPECT_EQ(std::get<Warmup>(parsed(kFull, {"stages.0.warmup.rounds=8"}).stages[0]).rounds, 8);
  EXPECT_EQ(std::get<Warmup>(parsed(kFull, {"stages.2.warmup.rounds=8"}).stages[2]).rounds, 8);
  EXPECT_EQ(std::get<Score>(parsed(kFull, {"stages.score.order=first"}).stages[1]).order, sample::Order::kFirst);
  EXPECT_EQ(std::get<Warmup>(parsed("stages: [warmup]", {"stages.warmup.rounds=2"}).stages[0]).rounds, 2);
  EXPECT_EQ(std::get<Warmup>(parsed("stages: [warmup]", {"stages.0.warmup.rounds=2"}).stages[0]).rounds, 2);
}

TEST(ConfigYaml, OverrideBelowAnAbsentVariantKeepsTheDefaultAlternative) {
  EXPECT_EQ(std::get<Dirichlet>(parsed("", {"data.partition.alpha=3"}).data.partition).alpha, 3.0);
}

TEST(ConfigYaml, RefusalsSayWhereWhatAndWhatWasExpected) {
  EXPECT_EQ(refusal("sead: 3"),
            "a.yaml: sead: found an unknown key (line 1); expected one of: verbose, seed, "
            "kept_fraction, floors, ranks, data, "
            "stages (did you mean 'seed'?)");
  EXPECT_EQ(refusal("\ndata: {partition: {kind: dirichlet, alfa: 1}}"),
            "a.yaml: data.partition.alfa: found an unknown key of 'dirichlet' (line 2); expected "
            "one of: kind, alpha "
            "(did you mean 'alpha'?)");
  EXPECT_EQ(refusal("data: {partition: {kind: iid, alpha: 1}}"),
            "a.yaml: data.partition.alpha: found an unknown key of 'iid' (line 1); expected kind");
  EXPECT_EQ(refusal("data: {partition: dirichelt}"),
            "a.yaml: data.partition: found 'dirichelt' (line 1); expected one of: iid, dirichlet "
            "(did you mean 'dirichlet'?)");
  EXPECT_EQ(refusal("data: {partition: {alpha: 1}}"),
            "a.yaml: data.partition: found no key 'kind' (line 1); expected kind: one of: iid, "
            "dirichlet");
  EXPECT_EQ(refusal("seed: 1e6"), "a.yaml: seed: found '1e6' (line 1); expected an integer");
  EXPECT_EQ(refusal("kept_fraction: 0"), "a.yaml: kept_fraction: found '0' (line 1); expected a number in (0, 1]");
  EXPECT_EQ(refusal("stages:\n  - warmup: {rounds: 0}"),
            "a.yaml: stages.0.warmup.rounds: found '0' (line 2); expected an integer >= 1");
  EXPECT_EQ(refusal("stages:\n  - scoer"),
            "a.yaml: stages.0: found 'scoer' (line 2); expected one of: warmup, score, export (did "
            "you mean 'score'?)");
  EXPECT_EQ(refusal("stages:\n  - {warmup: {}, export: {}}"),
            "a.yaml: stages.0: found a map of 2 keys (line 2); expected exactly one name with its "
            "settings below it; one of: "
            "warmup, score, export");
  EXPECT_EQ(refusal("stages: [{score: {order: thrid}}]"),
            "a.yaml: stages.0.score.order: found 'thrid' (line 1); expected one of: first, second");
  EXPECT_EQ(refusal("seed: 1\ndata: {clip: {norm: 1}}\nseed: 2"),
            "a.yaml: seed: found the key a second time (line 3); expected it once; the first is in "
            "line 1");
  EXPECT_EQ(refusal("", {"data.partition.alhpa=1"}),
            "--set data.partition.alhpa=1: data.partition.alhpa: found an unknown key of "
            "'dirichlet'; expected one of: kind, "
            "alpha (did you mean 'alpha'?)");
  EXPECT_EQ(refusal("", {"sede=1"}).substr(0, 41), "--set sede=1: sede: found an unknown key;");
  EXPECT_EQ(refusal("", {"seed.x=1"}), "--set seed.x=1: seed: found a map; expected an integer");
  EXPECT_EQ(refusal("", {"seed"}), "--set seed: found no '='; expected KEY.PATH=VALUE");
  EXPECT_EQ(refusal(kFull, {"stages.warmup.rounds=1"}),
            "--set stages.warmup.rounds=1: stages.warmup: found 2 items of that name; expected the "
            "index of one, for example "
            "stages.0.warmup");
  EXPECT_EQ(refusal(kFull, {"stages.exprot.x=1"}),
            "--set stages.exprot.x=1: stages.exprot: found no such item; expected an index below 4 "
            "or the name of an item "
            "(did you mean 'export'?)");
  EXPECT_EQ(refusal(kFull, {"stages.9.warmup.rounds=1"}),
            "--set stages.9.warmup.rounds=1: stages.9: found no such item; expected an index below 4");
}

TEST(ConfigYaml, WrongTypesAreRefused) {
  for (const char* value : {"1e6", "1_000", "1.0", "0x10", "010", "abc", "'3'", "true", "[1]", "{a: 1}", "", "~",
                            ".inf", "nan", "99999999999999999999", "--3", "+-3", "1 2"}) {
    EXPECT_NE(refusal(std::string("seed: ") + value).find("expected an integer"), std::string::npos) << value;
  }
  for (const char* value :
       {"abc", "'0.5'", "true", "[0.5]", "", ".nan", "inf", "nan", "1e999", "0x1p-1", "0_5", "-1", "2"}) {
    EXPECT_NE(refusal(std::string("kept_fraction: ") + value).find("expected a number in (0, 1]"), std::string::npos)
        << value;
  }
  for (const char* value : {"yes", "True", "1", "'true'", "", "[true]"}) {
    EXPECT_NE(refusal(std::string("verbose: ") + value).find("expected true or false"), std::string::npos) << value;
  }
  for (const char* text : {"floors: 0.5",
                           "floors: [a]",
                           "floors: [2]",
                           "floors: {a: 1}",
                           "ranks: [0]",
                           "ranks: [1.5]",
                           "data: 3",
                           "data: [1]",
                           "data:",
                           "data: {source: [1]}",
                           "data: {source: }",
                           "data: {partition: [iid]}",
                           "data: {partition: ~}",
                           "data: {clip: 3}",
                           "data: {clip: {norm: -1}}",
                           "stages: 3",
                           "stages: {warmup: {}}",
                           "stages: [[warmup]]",
                           "stages: [~]",
                           "stages: [{warmup: 3}]",
                           "stages: [{}]",
                           "stages: [{score: {prior: x}}]",
                           "stages: [{score: {granularity: coarse}}]",
                           "- 1",
                           "3",
                           "? [a]\n: 3",
                           "? {a: b}\n: 3",
                           "~: 3"}) {
    EXPECT_NE(refusal(text).find("expected"), std::string::npos) << text;
  }
}

TEST(ConfigYaml, MalformedTextIsRefusedWithItsLine) {
  EXPECT_NE(refusal("seed: 1\ndata: [1, 2\n").find("a.yaml: line 3"), std::string::npos);
  EXPECT_NE(refusal("seed: 1\n  data: 3\n").find("line 2"), std::string::npos);
  EXPECT_NE(refusal("seed: \"abc").find("malformed YAML"), std::string::npos);
  EXPECT_NE(refusal("seed: *nowhere").find("line 1"), std::string::npos);
  EXPECT_NE(refusal("seed: 1\n--- \nseed: 2\n").find("second document"), std::string::npos);
  EXPECT_NE(refusal(std::string("seed: 1\n\0seed: 2", 16)).find("line 2: malformed YAML: the control character"),
            std::string::npos);
  EXPECT_NE(refusal("seed: 1\n\x04: 2").find("control character"), std::string::npos);
  EXPECT_NE(refusal("seed: !!int 3").find("a value without a tag"), std::string::npos);
  EXPECT_NE(refusal("seed: 1", {"seed=[1"}).find("--set seed=[1: line 1"), std::string::npos);
  for (const char* path : {"=1", ".=1", "a..b=1", "a.=1", ".a=1"}) {
    EXPECT_NE(refusal("", {path}).find("an empty key"), std::string::npos) << path;
  }
}

TEST(ConfigYaml, AliasesStandForWhatTheyName) {
  const Config config = parsed("stages: [warmup: &w {rounds: 4}, warmup: *w]\nseed: &s 3\n");
  EXPECT_EQ(std::get<Warmup>(config.stages[1]).rounds, 4);
}

TEST(ConfigYaml, BombsAreRefusedQuickly) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_NE(refusal("data: " + std::string(100'000, '[')).find("deeper nesting"), std::string::npos);
  EXPECT_NE(refusal("data: " + std::string(100'000, '{')).find("a.yaml"), std::string::npos);
  std::string blocks;
  for (int i = 0; i < 1000; ++i) blocks += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_NE(refusal(blocks).find("deeper nesting"), std::string::npos);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string one = "*a" + std::to_string(i - 1);
    bomb.append("a").append(std::to_string(i)).append(": &a").append(std::to_string(i)).append(" [");
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "" : ",") + one;
    bomb += "]\n";
  }
  EXPECT_NE(refusal(bomb).find("at most 20000 values"), std::string::npos);
  EXPECT_NE(refusal("seed: &s [1, *s]").find("alias"), std::string::npos);
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 60; ++i) {
    deep.append(std::to_string(i))
        .append(": &a")
        .append(std::to_string(i))
        .append(" [*a")
        .append(std::to_string(i - 1))
        .append("]\n");
  }
  EXPECT_NE(refusal(deep).find("deeper nesting"), std::string::npos);
  EXPECT_NE(refusal("data: {source: " + std::string(2'000'000, 'x') + "}").find("bytes; expected at most 1048576"),
            std::string::npos);
  std::string many;
  for (int i = 0; i < 50'000; ++i) many += std::to_string(i) + ": 1\n";
  EXPECT_NE(refusal(many).find("at most 20000 values"), std::string::npos);
  EXPECT_LT(refusal(std::string(500'000, 'k') + ": 1").size(), 400U);
  EXPECT_LT(refusal("seed: " + std::string(500'000, 'k')).size(), 400U);
  EXPECT_LT(refusal("", {std::string(500'000, 'k') + "=1"}).size(), 400U);
  // Generous: what is meant is seconds against hours.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(ConfigYaml, FilesAreReadAndAbsentOnesNamed) {
  const TemporaryFolder folder;
  const std::string path = folder.path("quickstart.yaml");
  write_file_atomically(path, std::string_view("seed: 9\n"));
  EXPECT_EQ(read_config<Config>(path).seed, 9);
  EXPECT_EQ(read_config<Config>(path, {"seed=8"}).seed, 8);
  try {
    read_config<Config>(folder.path("quikstart.yaml"));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              folder.path("quikstart.yaml") + ": no such file (did you mean '" + path + "'?)");
  }
  EXPECT_THROW(read_config<Config>(folder.path("")), InputError);
}

}  // namespace
}  // namespace coppice
