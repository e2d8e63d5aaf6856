#include "coordinator/report/round_record.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/coordinator/report/sample_run.h"

namespace coppice {
namespace {

const std::string kLine =
    R"({"step": 4, "stage": "warmup", "round": 2, "seconds": 1.5, "clients": 9, "declined": 1, "train_loss": 0.75, )"
    R"("train_accuracy": 0.5, "eval": {"loss": 0.7, "accuracy": 0.6, "f1": 0.5}, "eval_twin": {"loss": 0.6}, )"
    R"("bytes_down": 1000.5, "bytes_up": 900, "density": 0.5, "phases": {"local": 1.25}})";

TEST(RoundRecord, ReadsEveryKey) {
  const auto rounds = parse_rounds(kLine + "\n", "m");
  ASSERT_EQ(rounds.size(), 1U);
  const RoundRecord& round = rounds[0];
  EXPECT_EQ(round.step, 4);
  EXPECT_EQ(round.stage, "warmup");
  EXPECT_EQ(round.round, 2);
  EXPECT_EQ(round.seconds, 1.5);
  EXPECT_EQ(round.clients, 9);
  EXPECT_EQ(round.declined, 1);
  EXPECT_EQ(round.train_loss, 0.75);
  EXPECT_EQ(round.train_accuracy, 0.5);
  EXPECT_EQ(round.eval->at("f1"), 0.5);
  EXPECT_EQ(round.eval_twin->at("loss"), 0.6);
  EXPECT_EQ(round.bytes_down, 1000.5);
  EXPECT_EQ(round.bytes_up, 900.0);
  EXPECT_EQ(round.density, 0.5);
  EXPECT_EQ(round.phases.at("local"), 1.25);
}

TEST(RoundRecord, AbsentAndNullFiguresAreNoFigures) {
  std::string line = with(kLine, "\"train_loss\": 0.75, ", "");
  line = with(line, "\"train_accuracy\": 0.5", "\"train_accuracy\": null");
  line = with(line, "\"loss\": 0.7", "\"loss\": null");
  line = with(line, "\"eval_twin\": {\"loss\": 0.6}, ", "");
  const RoundRecord round = parse_rounds(line + "\n", "m").at(0);
  EXPECT_TRUE(std::isnan(round.train_loss));
  EXPECT_TRUE(std::isnan(round.train_accuracy));
  EXPECT_TRUE(std::isnan(round.eval->at("loss")));
  EXPECT_FALSE(round.eval_twin.has_value());
}

TEST(RoundRecord, AnUnfinishedLastLineIsLeftOut) {
  EXPECT_EQ(parse_rounds(kLine + "\n" + kLine.substr(0, 40), "m").size(), 1U);
  EXPECT_TRUE(parse_rounds("", "m").empty());
}

TEST(RoundRecord, WrittenLinesReadBackTheSame) {
  const std::vector<RoundRecord> rounds = sample_run().rounds;
  ASSERT_EQ(rounds.size(), 72U);
  std::string text;
  for (const RoundRecord& round : rounds) text += to_json_line(round) + "\n";
  const std::vector<RoundRecord> again = parse_rounds(text, "m");
  ASSERT_EQ(again.size(), rounds.size());
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    EXPECT_EQ(to_json_line(again[i]), to_json_line(rounds[i]));
    EXPECT_EQ(again[i].eval, rounds[i].eval);
    EXPECT_EQ(std::isnan(again[i].train_loss), std::isnan(rounds[i].train_loss));
  }
}

TEST(RoundRecord, ErrorsNameTheFileTheLineAndTheKey) {
  const auto error_of = [](const std::string& text) {
    return input_error_of([&] { parse_rounds(text, "runs/a/metrics.jsonl"); });
  };
  EXPECT_EQ(error_of(kLine + "\n{\"step\": 5, x}\n").substr(0, 47), "runs/a/metrics.jsonl:2: not valid JSON at line ");
  EXPECT_EQ(error_of(with(kLine, "\"clients\": 9", "\"clients\": 9.5") + "\n"),
            "runs/a/metrics.jsonl:1: clients: found 9.5, expected a whole number below 2^63");
  EXPECT_EQ(error_of(with(kLine, "\"density\"", "\"densitty\"") + "\n"),
            "runs/a/metrics.jsonl:1: the key 'density' is missing");
  EXPECT_EQ(error_of(with(kLine, "\"density\": 0.5", "\"density\": 1.5") + "\n"),
            "runs/a/metrics.jsonl:1: density: found 1.500000, expected a number in [0, 1]");
  EXPECT_EQ(error_of(with(kLine, "\"f1\": 0.5", "\"f1\": \"x\"") + "\n"),
            "runs/a/metrics.jsonl:1: eval.f1: found the text 'x', expected a number");
  EXPECT_EQ(error_of(kLine + "\n" + kLine + "\n"),
            "runs/a/metrics.jsonl:2: step: found 4 after 4, expected increasing steps");
  EXPECT_EQ(error_of("[]\n"), "runs/a/metrics.jsonl:1: found a list of 0, expected a map");
  EXPECT_EQ(error_of("\n"), "runs/a/metrics.jsonl:1: not valid JSON at line 1, byte 0: the file ends too early");
}

}  // namespace
}  // namespace coppice
