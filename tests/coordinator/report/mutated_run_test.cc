// Run folders as a crash, a bad disk or another program might leave them: some thousand seeded mutations of real files.
// Each is either refused with one line or gives whole pages; nothing crashes, hangs or breaks out of its element.
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "coordinator/report/closing_table.h"
#include "coordinator/report/compare.h"
#include "coordinator/report/compare_output.h"
#include "coordinator/report/html_report.h"
#include "coordinator/report/model_card.h"
#include "coordinator/report/tensorboard_writer.h"
#include "tests/coordinator/report/sample_run.h"
#include "tests/coordinator/report/well_formed.h"

namespace coppice {
namespace {

class Mutator {
 public:
  std::string bytes_changed(std::string text) {
    for (std::size_t steps = 1 + below(3); steps > 0 && !text.empty(); --steps) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = static_cast<char>(text[at] ^ (1U << below(8)));
          break;
        case 1:
          text.erase(at);
          break;
        case 2:
          text.erase(at, 1 + below(40));
          break;
        case 3:
          text.insert(at, 1 + below(8), static_cast<char>(engine_()));
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(200)));
      }
    }
    return text;
  }

  // Whole values replaced, so that the text stays JSON and the damage reaches the figures.
  std::string values_changed(std::string text) {
    static const std::vector<std::string> kValues = {
        "0",    "-0.0", "1",    "-1", "1e308", "-1e308",           "1e-320", "9223372036854775807",
        "null", "true", "\"\"", "[]", "{}",    "\"</script><b>\"", "0.5",    "18446744073709551615"};
    for (std::size_t steps = 1 + below(6); steps > 0; --steps) {
      std::size_t at = text.find(": ", below(text.size()));
      if (at == std::string::npos) continue;
      at += 2;
      const std::size_t end = text.find_first_of(",}\n]", at);
      if (end == std::string::npos || text[at] == '{' || text[at] == '[') continue;
      text.replace(at, end - at, kValues[below(kValues.size())]);
    }
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return engine_() % bound; }

  std::mt19937_64 engine_{20};
};

// Whether the texts made a run; if so, every page of it must be whole.
bool shows(const std::string& summary, const std::string& metrics) {
  RunRecord run;
  try {
    run.summary = parse_summary(summary, "s");
    run.rounds = parse_rounds(metrics, "m");
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return false;
  }
  const std::string html = html_report(run);
  EXPECT_EQ(first_defect(html), "");
  EXPECT_LT(html.size(), 4000000U);
  EXPECT_FALSE(closing_table(run.summary, "r").empty());
  EXPECT_FALSE(model_card(run.summary).empty());
  EXPECT_EQ(to_json_text(parse_summary(to_json_text(run.summary), "again")), to_json_text(run.summary));
  const Comparison comparison = compare_runs({{"a", "a", run.summary}, {"b", "b", sample_run().summary}}, {});
  EXPECT_EQ(first_defect(compare_html(comparison)), "");
  for (const RoundRecord& round : run.rounds)
    EXPECT_FALSE(encode_scalars_event(0.0, round.step, scalars_of(round)).empty());
  return true;
}

TEST(MutatedRun, BytesOfTheSummary) {
  const std::string summary = golden_text("sample/summary.json"), metrics = golden_text("sample/metrics.jsonl");
  Mutator mutator;
  int refused = 0;
  for (int i = 0; i < 700; ++i) refused += shows(mutator.bytes_changed(summary), i % 8 == 0 ? metrics : "") ? 0 : 1;
  EXPECT_GT(refused, 200);
  EXPECT_LT(refused, 700);
}

TEST(MutatedRun, ValuesOfTheSummary) {
  const std::string summary = golden_text("sample/summary.json"), metrics = golden_text("sample/metrics.jsonl");
  Mutator mutator;
  int shown = 0;
  for (int i = 0; i < 700; ++i) shown += shows(mutator.values_changed(summary), i % 8 == 0 ? metrics : "") ? 1 : 0;
  EXPECT_GT(shown, 10);
}

TEST(MutatedRun, BytesAndValuesOfTheMetrics) {
  const std::string summary = golden_text("compare/adaptive-1/summary.json"),
                    metrics = golden_text("sample/metrics.jsonl");
  Mutator mutator;
  int shown = 0, refused = 0;
  for (int i = 0; i < 700; ++i) {
    const std::string mutated = i % 2 == 0 ? mutator.bytes_changed(metrics) : mutator.values_changed(metrics);
    (shows(summary, mutated) ? shown : refused) += 1;
  }
  EXPECT_GT(shown, 10);
  EXPECT_GT(refused, 200);
}

}  // namespace
}  // namespace coppice
