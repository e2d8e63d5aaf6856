#include <functional>

#include <gtest/gtest.h>

#include "core/seed.h"
#include "tests/core/parser_targets.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

void mutate(Bytes& bytes, Stream& stream, const std::vector<std::string>& tokens) {
  for (std::uint64_t edits = 1 + stream.below(6); edits > 0; --edits) {
    const auto at = static_cast<std::ptrdiff_t>(stream.below(bytes.size() + 1));
    const std::size_t i = static_cast<std::size_t>(at);
    switch (stream.below(5)) {
      case 0:
        if (i < bytes.size()) bytes[i] = static_cast<std::uint8_t>(stream.next_u32());
        break;
      case 1:
        bytes.resize(i);
        break;
      case 2: {
        const std::string& token = tokens[stream.below(tokens.size())];
        bytes.insert(bytes.begin() + at, token.begin(), token.end());
        break;
      }
      case 3:  // a run of the input once more
        if (i < bytes.size()) {
          const Bytes run(bytes.begin() + at,
                          bytes.begin() + at + static_cast<std::ptrdiff_t>(stream.below(bytes.size() - i)));
          bytes.insert(bytes.begin() + at, run.begin(), run.end());
        }
        break;
      default:
        if (i < bytes.size()) bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ (1U << stream.below(8)));
    }
    if (bytes.size() > 4096) bytes.resize(4096);
  }
}

void feed(const Bytes& seed, const std::vector<std::string>& tokens, int inputs,
          const std::function<void(std::span<const std::uint8_t>)>& parse) {
  Stream stream(Seed{.run = 2024}, Purpose::kTest);
  parse({});
  parse(seed);
  for (int i = 0; i < inputs; ++i) {
    Bytes bytes = seed;
    mutate(bytes, stream, tokens);
    ASSERT_NO_THROW(parse(bytes)) << "input " << i;
  }
}

TEST(Parsers, AnyBytesAsYamlAreReadOrRefused) {
  const std::string text =
      "verbose: true\nfloors: [0.5, 1]\ndata: &d\n  source: \"x\"\n  partition: {kind: dirichlet, alpha: 2}\n  clip: "
      "none\n"
      "stages:\n  - warmup: {rounds: 3}\n  - score:\n      order: second\n      prior: iid\n  - export\n";
  const std::string overrides =
      std::string("\0", 1) + "data.partition.alpha=3\nstages.warmup.rounds=7\nstages.1.score.prior=iid";
  feed(bytes_of(text + overrides), {"[",     "]",     "{",     "}",        ":",  "- ", "\n",
                                    "*d",    "&d ",   "? ",    "!!int ",   "\"", "'",  "|",
                                    ">",     "---\n", "...\n", "%",        "#",  "~",  "none",
                                    "1e999", "\\x",   "\t",    "<<: *d\n", ".",  "=",  std::string("\0", 1)},
       20'000, parse_any_yaml);
}

TEST(Parsers, AnyBytesAsAJournalAreReadOrRefused) {
  const TemporaryFolder folder;
  {
    Journal journal(folder.path("a"));
    for (const char* record : {"first", "", "the third record"}) journal.append(record);
  }
  feed(bytes_of(read_text_file(folder.path("a"), 1000)),
       {std::string("\0\0\0\0", 4), "\xff\xff\xff\xff", "\x01", "first"}, 20'000, parse_any_journal);
}

}  // namespace
}  // namespace coppice
