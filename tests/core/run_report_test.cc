#include "core/run_report.h"

#include <fstream>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

using nlohmann::json;

std::string content(const RunReport& report) { return read_text_file(report.path(), 1 << 20); }

TEST(RunReport, OneObjectALineAtOnce) {
  const TemporaryFolder folder;
  RunReport report(folder.path(""), 0);
  EXPECT_EQ(report.path(), folder.path("metrics.jsonl"));
  report.append({{"step", 0}, {"loss", 0.5}});
  EXPECT_EQ(content(report), "{\"loss\":0.5,\"step\":0}\n");
  report.append({{"step", 1}, {"loss", std::numeric_limits<double>::quiet_NaN()}, {"name", "a\nb\xff"}});
  EXPECT_EQ(content(report), "{\"loss\":0.5,\"step\":0}\n{\"loss\":null,\"name\":\"a\\nb\xef\xbf\xbd\",\"step\":1}\n");
  EXPECT_THROW(report.append({{"loss", 1}}), Error);
  EXPECT_THROW(report.append({{"step", 0.5}}), Error);
  EXPECT_THROW(report.append(json::array({1})), Error);
}

TEST(RunReport, AResumeDropsTheStepsItRunsAgain) {
  const TemporaryFolder folder;
  {
    RunReport report(folder.path(""), 0);
    for (int step = 0; step < 5; ++step) {
      report.append({{"step", step}, {"kind", "round"}});
      report.append({{"step", step}, {"kind", "phase"}});
    }
  }
  std::ofstream(folder.path("metrics.jsonl"), std::ios::app) << "{\"step\": 5, \"lo";  // a crash while writing
  RunReport report(folder.path(""), 3);
  report.append({{"step", 3}, {"kind", "again"}});
  std::string expected;
  for (int step = 0; step < 3; ++step) {
    for (const char* kind : {"round", "phase"}) {
      expected += "{\"kind\":\"" + std::string(kind) + "\",\"step\":" + std::to_string(step) + "}\n";
    }
  }
  EXPECT_EQ(content(report), expected + "{\"kind\":\"again\",\"step\":3}\n");
}

TEST(RunReport, ALineThatIsNoRecordIsRefusedAndKept) {
  const TemporaryFolder folder;
  for (const char* bad : {"{\"step\": 0}\nnot json\n", "{\"loss\": 1}\n", "[1]\n", "\n", "{\"step\": \"1\"}\n"}) {
    std::ofstream(folder.path("metrics.jsonl"), std::ios::trunc) << bad;
    EXPECT_THROW(RunReport(folder.path(""), 1), InputError) << bad;
    EXPECT_EQ(read_text_file(folder.path("metrics.jsonl"), 100), bad);
  }
  EXPECT_THROW(RunReport(folder.path("absent"), 0), InputError);
}

}  // namespace
}  // namespace coppice
