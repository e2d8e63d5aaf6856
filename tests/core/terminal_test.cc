#include <limits>
#include <sstream>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/human_text.h"
#include "core/progress.h"
#include "core/text_table.h"

namespace coppice {
namespace {

TEST(HumanText, ThreeDigitsAndAUnit) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.50 KiB");
  EXPECT_EQ(bytes_text(20 << 20), "20.0 MiB");
  EXPECT_EQ(bytes_text(std::uint64_t{999} << 30), "999 GiB");
  EXPECT_EQ(bytes_text(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
  EXPECT_EQ(seconds_text(0.42), "0.42 s");
  EXPECT_EQ(seconds_text(12.34), "12.3 s");
  EXPECT_EQ(seconds_text(59.99), "1 min 00 s");
  EXPECT_EQ(seconds_text(245), "4 min 05 s");
  EXPECT_EQ(seconds_text(12'000), "3 h 20 min");
  EXPECT_EQ(seconds_text(176'400), "2 d 01 h");
  EXPECT_EQ(seconds_text(-1), "-");
  EXPECT_EQ(seconds_text(std::numeric_limits<double>::infinity()), "-");
  EXPECT_EQ(seconds_text(1e300), "ages");
  EXPECT_EQ(count_text(950), "950");
  EXPECT_EQ(count_text(78'700), "78.7 k");
  EXPECT_EQ(count_text(-12'500'000), "-12.5 M");
  EXPECT_EQ(count_text(999'600), "1.00 M");
  EXPECT_EQ(count_text(0.5), "0.50");
  EXPECT_EQ(fixed_text(0.12345, 3), "0.123");
  EXPECT_EQ(fixed_text(std::numeric_limits<double>::quiet_NaN(), 3), "-");
}

TEST(HumanText, ColumnsAreCodePoints) {
  EXPECT_EQ(columns_of("gr\xc3\xbc\xc3\x9f"), 4U);
  EXPECT_EQ(first_columns("gr\xc3\xbc\xc3\x9f", 3), "gr\xc3\xbc");
  EXPECT_EQ(first_columns("abc", 9), "abc");
  EXPECT_EQ(first_columns("abc", 0), "");
}

TEST(TextTable, AlignsItsColumns) {
  TextTable table({"model", "accuracy", "parameters"});
  table.add_row({"dense", "0.91", "78666"});
  table.add_row({"gr\xc3\xbc\x6e", "0.9"});
  table.add_row({"a\x1b[31m\nb"});
  EXPECT_EQ(table.text(),
            "model     accuracy  parameters\n"
            "--------  --------  ----------\n"
            "dense         0.91       78666\n"
            "gr\xc3\xbcn           0.9\n"
            "a [31m b\n");
}

TEST(TextTable, RefusesWhatDoesNotFit) {
  TextTable table({"a", "b"}, {TextTable::Align::kRight, TextTable::Align::kLeft});
  EXPECT_THROW(table.add_row({"1", "2", "3"}), Error);
  EXPECT_THROW(TextTable({"a"}, {TextTable::Align::kLeft, TextTable::Align::kLeft}), Error);
  table.add_row({"1", "x"});
  EXPECT_EQ(table.text(), "a  b\n-  -\n1  x\n");
  EXPECT_EQ(TextTable({}).text(), "\n\n");
}

double g_now = 0.0;
double fake_now() { return g_now; }

TEST(Progress, ALineARoundWithoutATerminal) {
  g_now = 50.0;
  std::ostringstream out;
  {
    Progress progress(out, {.is_terminal = false, .columns = 80, .now = fake_now});
    progress.advance("before any stage");
    progress.begin_stage("warmup", 4, 1);
    g_now += 0.5;
    progress.advance("accuracy 0.50");
    progress.say("client 7 is left out");
    g_now += 0.5;
    progress.advance();
    g_now += 5.0;
    progress.advance();
    progress.begin_stage("export", 0);
  }
  EXPECT_EQ(out.str(),
            "warmup 2/4  2.0 rounds/s  1.00 s left  accuracy 0.50\n"
            "client 7 is left out\n"
            "warmup 3/4  2.0 rounds/s  0.50 s left\n"
            "warmup 4/4  2.00 s/round  took 6.00 s\n");
}

TEST(Progress, ABarThatIsDrawnOverOnATerminal) {
  g_now = 0.0;
  std::ostringstream out;
  {
    Progress progress(out, {.is_terminal = true, .columns = 70, .now = fake_now});
    progress.begin_stage("score", 2);
    g_now = 0.01;
    progress.advance("too soon to draw");
    g_now = 2.0;
    progress.say("a message");
    progress.advance("a note that is far too long for a terminal of only seventy columns");
  }
  const std::string erase = "\r\x1b[K";
  const std::string empty = "[........................]", half = "[############............]",
                    full = "[########################]";
  const std::string last = "score " + full + " 2/2  1.0 rounds/s  took 2.00 s  a no";
  EXPECT_EQ(last.size(), 69U);
  EXPECT_EQ(out.str(), "score " + empty + " 0/2" + erase + "a message\n" + "score " + half +
                           " 1/2  2.00 s/round  2.00 s left  too " + erase + last + erase + last + "\n");
}

}  // namespace
}  // namespace coppice
