#include "core/file.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/error.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void put(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string gzipped(const std::string& text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

// Runs `action` in a child process; its exit status.
int in_child(const std::function<int()>& action) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(action());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ReadFile, ReadsWithinItsLimit) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a");
  put(path, std::string("ab\0c", 4));
  EXPECT_EQ(read_text_file(path, 4), std::string("ab\0c", 4));
  EXPECT_EQ(text_of(read_file(path, 100)), std::string("ab\0c", 4));
  EXPECT_EQ(refusal([&] { read_file(path, 3); }), path + ": found 4 bytes; expected at most 3");
  EXPECT_EQ(text_of(MappedFile(path).bytes()), std::string("ab\0c", 4));
  put(path, "");
  EXPECT_TRUE(MappedFile(path).bytes().empty());
  EXPECT_TRUE(read_file(path, 0).empty());
}

TEST(ReadFile, SaysWhatIsWrongWithThePath) {
  const TemporaryFolder folder;
  put(folder.path("weights.bin"), "x");
  EXPECT_EQ(refusal([&] { read_file(folder.path("wieghts.bin"), 1); }),
            folder.path("wieghts.bin") + ": no such file (did you mean '" + folder.path("weights.bin") + "'?)");
  EXPECT_EQ(refusal([&] { MappedFile(folder.path("none/at/all")); }), folder.path("none/at/all") + ": no such file");
  EXPECT_EQ(refusal([&] { MappedFile(folder.path("")); }), folder.path("") + ": found a folder; expected a file");
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal([&] { read_file(folder.path("pipe"), 1); }),
            folder.path("pipe") + ": found a device or pipe; expected a file");
}

TEST(MappedFile, MovesWithoutLosingTheMap) {
  const TemporaryFolder folder;
  put(folder.path("a"), "abc");
  MappedFile first(folder.path("a"));
  MappedFile second = std::move(first);
  EXPECT_EQ(text_of(second.bytes()), "abc");
  put(folder.path("b"), "xy");
  second = MappedFile(folder.path("b"));
  EXPECT_EQ(text_of(second.bytes()), "xy");
}

TEST(WriteFileAtomically, ReplacesTheWholeFileAndLeavesNothingBeside) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, std::string_view("old and longer"));
  const std::string one = "ab", two = "cd";
  const std::vector<std::span<const std::byte>> parts = {
      std::as_bytes(std::span(one)), {}, std::as_bytes(std::span(two))};
  write_file_atomically(path, parts);
  EXPECT_EQ(read_text_file(path, 100), "abcd");
  EXPECT_EQ(files_in(folder.path("")), 1U);
  EXPECT_THROW(write_file_atomically(folder.path("no/folder"), std::string_view("x")), InputError);
  fs::create_directory(folder.path("taken"));
  EXPECT_THROW(write_file_atomically(folder.path("taken"), std::string_view("x")), InputError);
  EXPECT_EQ(files_in(folder.path("")), 2U);
}

// Writes more than `path`'s place can take; 0 where that ended in Stopped with the old content in place and no other
// file.
int overfill(const std::string& path) {
  try {
    write_file_atomically(path, std::string(4 << 20, 'x'));
  } catch (const Stopped& error) {
    const std::string line = error.what();
    if (line.find("the disk is full") == std::string::npos || line.find(path) != 0) return 10;
    if (read_text_file(path, 10) != "old") return 11;
    return files_in(fs::path(path).parent_path().string()) == 1 ? 0 : 12;
  } catch (...) {
    return 13;
  }
  return 14;
}

TEST(WriteFileAtomically, AFullDiskStopsAndKeepsWhatWasThere) {
  const TemporaryFolder folder;
  constexpr int kCannotMount = 99;
  const int status = in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return kCannotMount;
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kCannotMount;
    if (::mount("tmpfs", folder.path("").c_str(), "tmpfs", 0, "size=1m") != 0) return kCannotMount;
    write_file_atomically(folder.path("a"), std::string_view("old"));
    return overfill(folder.path("a"));
  });
  if (status == kCannotMount) GTEST_SKIP() << "no right to mount a small file system";
  EXPECT_EQ(status, 0);
}

TEST(WriteFileAtomically, AFileSizeLimitStopsAndKeepsWhatWasThere) {
  const TemporaryFolder folder;
  EXPECT_EQ(in_child([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              write_file_atomically(folder.path("a"), std::string_view("old"));
              const rlimit limit{1 << 20, 1 << 20};
              if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 20;
              return overfill(folder.path("a"));
            }),
            0);
}

TEST(FolderLock, KeepsASecondRunOut) {
  const TemporaryFolder folder;
  const std::string out = folder.path("runs/a");
  {
    const FolderLock lock(out);
    EXPECT_EQ(refusal([&] { FolderLock second(out); }), out + ": the folder is in use by another run (process " +
                                                            std::to_string(::getpid()) +
                                                            "); wait for it, or choose another with --out");
    EXPECT_EQ(in_child([&] {
                try {
                  FolderLock second(out);
                } catch (const InputError&) {
                  return 0;
                }
                return 1;
              }),
              0);
    const FolderLock other(folder.path("runs/b"));
  }
  const FolderLock again(out);
  put(folder.path("file"), "");
  EXPECT_THROW(FolderLock(folder.path("file")), InputError);
}

TEST(FolderLock, GoesWithAKilledProcess) {
  const TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder.path("out"));
    const bool told = ::write(ready[1], "x", 1) == 1;
    while (told) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THROW(FolderLock(folder.path("out")), InputError);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const FolderLock lock(folder.path("out"));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(ReadGzip, InflatesOneOrMoreMembers) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.gz");
  std::string text;
  for (unsigned i = 0; i < 400'000; ++i) text += static_cast<char>('a' + i * i % 23);
  put(path, gzipped(text));
  EXPECT_EQ(text_of(read_gzip(path, text.size())), text);
  put(path, gzipped("one ") + gzipped("") + gzipped("two"));
  EXPECT_EQ(text_of(read_gzip(path, 1000)), "one two");
  put(path, gzipped(""));
  EXPECT_TRUE(read_gzip(path, 0).empty());
}

TEST(ReadGzip, IsBoundedAndRefusesDamage) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.gz");
  const std::string bomb = gzipped(std::string(20 << 20, '\0'));
  put(path, bomb);
  EXPECT_EQ(refusal([&] { read_gzip(path, 1000); }),
            path + ": found more than 1000 bytes of content; expected at most that");
  EXPECT_THROW(read_gzip(path, (20 << 20) - 1), InputError);
  EXPECT_EQ(read_gzip(path, 20 << 20).size(), std::size_t{20} << 20);
  const std::string whole = gzipped("some text to be damaged, long enough for a few codes");
  for (std::size_t n = 0; n < whole.size(); ++n) {
    put(path, whole.substr(0, n));
    EXPECT_THROW(read_gzip(path, 1000), InputError) << n;
  }
  put(path, whole + "trailing");
  EXPECT_THROW(read_gzip(path, 1000), InputError);
  std::string wrong = whole;
  wrong[wrong.size() - 5] = static_cast<char>(wrong[wrong.size() - 5] ^ 1);  // in the checksum
  put(path, wrong);
  EXPECT_THROW(read_gzip(path, 1000), InputError);
  put(path, "plain text");
  EXPECT_EQ(refusal([&] { read_gzip(path, 1000); }), path + ": found no gzip header; expected a gzip file");
}

}  // namespace
}  // namespace coppice
