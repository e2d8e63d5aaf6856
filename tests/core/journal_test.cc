#include "core/journal.h"

#include <unistd.h>

#include <csignal>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/crc32c.h"
#include "core/error.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

std::vector<std::string> texts(const std::vector<JournalRecord>& records) {
  std::vector<std::string> out;
  for (const JournalRecord& record : records) {
    out.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
  }
  return out;
}

std::string content(const std::string& path) { return read_text_file(path, std::uint64_t{1} << 30); }
void put(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

const std::vector<std::string> kRecords = {"first", "", std::string("\0\1\2", 3), std::string(40, 'x'), "last one"};

std::string three_records(const std::string& path) {
  Journal journal(path);
  for (const std::string& record : kRecords) journal.append(record);
  return content(path);
}

TEST(Crc32c, IsThatOfRfc3720) {
  const std::string digits = "123456789";
  const auto bytes = std::as_bytes(std::span(digits));
  EXPECT_EQ(crc32c(bytes, 0), 0xe3069283U);
  EXPECT_EQ(crc32c(bytes.subspan(4), crc32c(bytes.first(4), 0)), 0xe3069283U);
  const std::vector<std::byte> zeros(32), ones(32, std::byte{0xff});
  EXPECT_EQ(crc32c(zeros, 0), 0x8a9136aaU);
  EXPECT_EQ(crc32c(ones, 0), 0x62a8ab43U);
}

TEST(Journal, KeepsRecordsInOrderAcrossOpens) {
  const TemporaryFolder folder;
  const std::string path = folder.path("ledger");
  EXPECT_TRUE(read_journal(path).empty());
  three_records(path);
  EXPECT_EQ(texts(read_journal(path)), kRecords);
  Journal again(path);
  EXPECT_EQ(texts(again.records()), kRecords);
  again.append("more");
  EXPECT_EQ(texts(read_journal(path)).back(), "more");
  EXPECT_EQ(read_journal(path).size(), kRecords.size() + 1);
}

TEST(Journal, ACutAtAnyByteLosesOnlyTheUnfinishedRecord) {
  const TemporaryFolder folder;
  const std::string whole = three_records(folder.path("whole"));
  std::vector<std::size_t> ends = {0};
  for (const std::string& record : kRecords) ends.push_back(ends.back() + 8 + record.size());
  ASSERT_EQ(ends.back(), whole.size());
  const std::string path = folder.path("cut");
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    put(path, whole.substr(0, n));
    std::size_t expected = 0;
    while (expected < kRecords.size() && ends[expected + 1] <= n) ++expected;
    ASSERT_EQ(read_journal(path).size(), expected) << "cut at " << n;
    Journal journal(path);
    ASSERT_EQ(content(path), whole.substr(0, ends[expected])) << "cut at " << n;
    journal.append("new");
    const std::vector<std::string> now = texts(read_journal(path));
    ASSERT_EQ(now.size(), expected + 1) << "cut at " << n;
    ASSERT_EQ(now.back(), "new");
  }
}

TEST(Journal, AnUnwrittenTailOfZerosIsUnfinished) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a"), whole = three_records(path);
  put(path, whole + std::string(4096, '\0'));
  EXPECT_EQ(texts(read_journal(path)), kRecords);
  std::string last_damaged = whole;
  last_damaged.back() = static_cast<char>(last_damaged.back() ^ 1);
  put(path, last_damaged);
  EXPECT_EQ(read_journal(path).size(), kRecords.size() - 1);
}

TEST(Journal, DamageBeforeTheLastRecordIsRefusedWhereverItIs) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a"), whole = three_records(path);
  const std::size_t before_last = whole.size() - 8 - kRecords.back().size();
  for (std::size_t at = 0; at < before_last; ++at) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      put(path, damaged);
      ASSERT_THROW(read_journal(path), InputError) << "byte " << at;
      if (at % 16 != 0) continue;
      ASSERT_THROW(Journal{path}, InputError) << "byte " << at;
      ASSERT_EQ(content(path), damaged) << "a refused file is left alone";
    }
  }
}

TEST(Journal, AFullDiskStopsAndTheNextAppendFits) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    Journal journal(path);
    journal.append("first");
    const rlimit limit{100, 100};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
    try {
      journal.append(std::string(1000, 'x'));
    } catch (const Stopped&) {
      journal.append("second");
      ::_exit(0);
    } catch (...) {
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(texts(read_journal(path)), (std::vector<std::string>{"first", "second"}));
}

TEST(Journal, TooLongARecordIsADefect) {
  const TemporaryFolder folder;
  Journal journal(folder.path("a"));
  EXPECT_THROW(journal.append(std::string(kMostRecordBytes + std::size_t{1}, 'x')), Error);
  EXPECT_TRUE(read_journal(folder.path("a")).empty());
}

}  // namespace
}  // namespace coppice
