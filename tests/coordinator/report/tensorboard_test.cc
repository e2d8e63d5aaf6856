#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "core/crc32c.h"
#include "core/error.h"
#include "coordinator/report/tensorboard_writer.h"
#include "tests/coordinator/report/sample_run.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += pair;
  }
  return text;
}

TEST(Tensorboard, ChecksumIsCastagnolis) {
  const std::string digits = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits.data(), digits.size())), 0), 0xE3069283U);
}

TEST(Tensorboard, BytesAreThoseOfItsOwnWriter) {
  const Scalars scalars = {{"eval/accuracy", 0.8408}, {"left/out", kNoFigure}, {"bytes/up_per_client", 96686.0}};
  const std::string bytes = encode_file_version_event(1700000000.25) + encode_scalars_event(1700000002.5, 300, scalars);
  EXPECT_EQ(hex(bytes) + "\n", golden_text("event.hex"));
}

TEST(Tensorboard, AFileHoldsWholeRecordsOnly) {
  TemporaryFolder folder;
  const std::vector<RoundRecord> rounds = sample_run().rounds;
  { TensorboardWriter(folder.path(), 5.0).add(rounds); }
  const std::string bytes = read_text_file(folder.path("events.out.tfevents.coppice"), 1 << 24);
  std::size_t at = 0, records = 0;
  while (at + 12 <= bytes.size()) {
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i)
      length = length << 8 | static_cast<std::uint8_t>(bytes[at + static_cast<std::size_t>(i)]);
    at += 16 + length;
    ++records;
  }
  EXPECT_EQ(at, bytes.size());
  EXPECT_EQ(records, rounds.size() + 1);
}

TEST(Tensorboard, AResumeReplaysInsteadOfAppending) {
  TemporaryFolder whole, resumed;
  const std::vector<RoundRecord> rounds = sample_run().rounds;
  { TensorboardWriter(whole.path(), 5.0).add(rounds); }
  { TensorboardWriter(resumed.path(), 5.0).add(std::span(rounds).first(40)); }
  {
    TensorboardWriter writer(resumed.path(), 5.0);
    writer.add(std::span(rounds).first(30));
    for (const RoundRecord& round : std::span(rounds).subspan(30)) writer.add(round);
  }
  const std::string name = "events.out.tfevents.coppice";
  EXPECT_EQ(read_text_file(whole.path(name), 1 << 24), read_text_file(resumed.path(name), 1 << 24));
}

TEST(Tensorboard, AFolderThatIsNotThereIsBadInput) {
  TemporaryFolder folder;
  EXPECT_NE(input_error_of([&] { TensorboardWriter(folder.path("absent"), 0.0); }).find("cannot be written"),
            std::string::npos);
}

TEST(Tensorboard, ReadsItsOwnFormatBack) {
  TemporaryFolder folder;
  const std::vector<RoundRecord> rounds = sample_run().rounds;
  { TensorboardWriter(folder.path(), 1700000000.0).add(rounds); }
  const char* chosen = std::getenv("COPPICE_TENSORBOARD_PYTHON");  // an environment that has the package
  const std::string command = std::string(chosen != nullptr ? chosen : COPPICE_PYTHON) + " -B " + COPPICE_READ_EVENTS +
                              " " + folder.path() + " > " + folder.path("read.txt") + " 2> " +
                              folder.path("errors.txt");
  const int status = std::system(command.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "the Python package tensorboard is not installed";
  ASSERT_EQ(status, 0) << read_text_file(folder.path("errors.txt"), 1 << 20);
  std::istringstream read(read_text_file(folder.path("read.txt"), 1 << 24));
  std::map<std::pair<std::string, std::int64_t>, float> found;
  std::string tag;
  std::int64_t step = 0;
  double value = 0.0, wall_time = 0.0;
  while (read >> tag >> step >> value >> wall_time) found[{tag, step}] = static_cast<float>(value);
  EXPECT_NEAR(wall_time, 1700000000.0, 200.0);
  std::size_t expected = 0;
  for (const RoundRecord& round : rounds) {
    for (const auto& [name, number] : scalars_of(round)) {
      if (!std::isfinite(number)) continue;
      ++expected;
      const auto entry = found.find({name, round.step});
      ASSERT_NE(entry, found.end()) << name << " " << round.step;
      EXPECT_EQ(entry->second, static_cast<float>(number)) << name << " " << round.step;
    }
  }
  EXPECT_EQ(found.size(), expected);
  EXPECT_GT(expected, 800U);
}

}  // namespace
}  // namespace coppice
