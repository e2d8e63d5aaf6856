// Against what the Python package `tokenizers` makes of the same files (tests/golden/tokenizers/make_goldens.py).
#include "data/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "data/unicode.h"

namespace coppice {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<std::int64_t>;
using testing::HasSubstr;

const std::string kFolder = COPPICE_GOLDEN_DIR "/tokenizers/";
constexpr const char* kNames[] = {"gpt2", "smollm", "llama3", "qwen2", "o200k", "spaced", "gaps"};

Json json_of(const std::string& name) { return Json::parse(std::ifstream(kFolder + name + ".json")); }

Tokenizer tokenizer_of(const std::string& name) {
  const std::string path = kFolder + name + ".json";
  return parse_tokenizer(read_text_file(path, 1 << 24), path);
}

std::uint32_t checksum(const Ids& ids) {
  const std::vector<std::int32_t> narrow(ids.begin(), ids.end());
  return static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(narrow.data()), static_cast<uInt>(4 * narrow.size())));
}

void expect_golden_texts(const Tokenizer& tokenizer, const std::string& name, bool whole_alphabet) {
  const Json texts = json_of("texts"), golden = json_of("goldens")[name];
  ASSERT_EQ(golden["plain"].size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto text = texts[i].get<std::string>();
    const Ids plain = golden["plain"][i].get<Ids>();
    EXPECT_EQ(tokenizer.encode(text, false), plain) << name << ": " << text;
    EXPECT_EQ(tokenizer.encode(text, true), golden["special"][i].get<Ids>()) << name << ": " << text;
    // `tokenizers` takes the letters of an added token for bytes; here they are what is written. Of bytes without a token it says U+FFFD.
    if (whole_alphabet && text.find("<|caf") == std::string::npos) {
      EXPECT_EQ(tokenizer.decode(plain), golden["decoded"][i].get<std::string>()) << name;
    }
  }
}

// Files that are there; returns how many are not.
int expect_golden_files(const Tokenizer& tokenizer, const std::string& name, bool round_trip) {
  int absent = 0;
  const Json files = json_of("goldens")[name]["files"];
  for (const Json& file : files) {
    const char* data = std::getenv("COPPICE_DATA_DIR");
    const std::string path = std::string(data == nullptr ? "" : data) + "/" + file["file"].get<std::string>();
    if (!std::filesystem::exists(path)) {
      ++absent;
      continue;
    }
    const std::string text = read_text_file(path, 1 << 24);
    const Ids ids = tokenizer.encode(text, false);
    EXPECT_EQ(ids.size(), file["count"].get<std::size_t>()) << name << ": " << path;
    EXPECT_EQ(checksum(ids), file["crc32"].get<std::uint32_t>()) << name << ": " << path;
    EXPECT_EQ(tokenizer.decode(ids) == text, round_trip) << name << ": " << path;
  }
  return absent;
}

TEST(Tokenizer, AwkwardTextsBecomeTheIdsOfTheirLibrary) {
  for (const char* name : kNames) expect_golden_texts(tokenizer_of(name), name, std::string(name) != "gaps");
}

TEST(Tokenizer, WholeFilesBecomeTheIdsOfTheirLibraryAndComeBack) {
  int absent = 0;
  for (const char* name : kNames) {
    absent += expect_golden_files(tokenizer_of(name), name, std::string(name) != "gaps" && std::string(name) != "spaced");
  }
  if (absent > 0) GTEST_SKIP() << absent << " files are not in COPPICE_DATA_DIR";
}

TEST(Tokenizer, SmolLM2) {
  const char* folder = std::getenv("COPPICE_SMOLLM2_DIR");
  if (folder == nullptr) GTEST_SKIP() << "COPPICE_SMOLLM2_DIR names no folder that tools/prepare_model.py made";
  const Tokenizer tokenizer = read_tokenizer(folder);
  EXPECT_EQ(tokenizer.size(), 49152);
  expect_golden_texts(tokenizer, "smollm2", true);
  EXPECT_EQ(expect_golden_files(tokenizer, "smollm2", true), 0);
}

TEST(Tokenizer, EveryTextComesBackWhereAllBytesHaveTokens) {
  const Json texts = json_of("texts");
  for (const char* name : {"gpt2", "smollm", "llama3", "o200k"}) {
    const Tokenizer tokenizer = tokenizer_of(name);
    for (const Json& text : texts) {
      // Added tokens may take the space beside them.
      if (text.get<std::string>().find("<|") != std::string::npos) continue;
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text.get<std::string>(), false)), text.get<std::string>());
    }
  }
}

TEST(Tokenizer, BytesBecomeCharactersAndBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(bytes_of_characters(byte_characters(all)), all);
  EXPECT_EQ(byte_characters(" a\n"), "\xC4\xA0"  "a" "\xC4\x8A");
  for (const char* none : {" ", "\xE4\xBD\xA0", "\xC4", "\xC9\x80", "\xFF"}) EXPECT_EQ(bytes_of_characters(none), std::nullopt) << none;
}

TEST(Tokenizer, MergesGoByRankNotByPlace) {
  // a+b before b+c; aaa merges from the left.
  const BytePairs pairs({{"a", 0}, {"b", 1}, {"c", 2}, {"ab", 3}, {"bc", 4}, {"aa", 5}, {"abc", 6}}, {{"b", "c"}, {"a", "b"}, {"a", "a"}, {"a", "bc"}},
                        false);
  Ids ids;
  pairs.encode("abcaaab", ids);
  EXPECT_EQ(ids, (Ids{6, 5, 3}));
}

TEST(Tokenizer, TextThatIsNotUtf8IsRefusedByItsPlace) {
  const Tokenizer tokenizer = tokenizer_of("gpt2");
  EXPECT_EQ(well_formed_length("a\xC3\xA9\xE2\x82"), 3U);
  EXPECT_EQ(well_formed_length("\xED\xA0\x80"), 0U);
  try {
    tokenizer.encode("ab\xFFz", false);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("byte 2"));
  }
  EXPECT_EQ(tokenizer.bytes_of(tokenizer.size()), "");
}

TEST(Unicode, TextIsTakenFromBytesAsItBecomesWhole) {
  std::string bytes = "a\xE2\x82";
  EXPECT_EQ(take_text(bytes, false), "a");
  bytes += "\xAC" "b\xF0";
  EXPECT_EQ(take_text(bytes, false), "\xE2\x82\xAC" "b");
  EXPECT_EQ(take_text(bytes, true), "\xEF\xBF\xBD");
  // As Python's decode(errors="replace").
  const std::string r = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> cases[] = {
      {"\xFFxyz", r + "xyz"}, {"\xE2\x82x", r + "x"}, {"\xF0\x9F\x98x", r + "x"}, {"\xED\xA0\x80", r + r + r}, {"\xE0\x80\x80", r + r + r},
      {"\xF4\x90\x80\x80", r + r + r + r}, {"\xC3\xC3\xA9", r + "\xC3\xA9"}, {"\x80z", r + "z"}, {"\xC0\xAF", r + r}};
  for (const auto& [given, expected] : cases) {
    bytes = given;
    EXPECT_EQ(take_text(bytes, true), expected);
    EXPECT_EQ(bytes, "");
  }
}

TEST(Tokenizer, WhatIsNotKnownIsNamed) {
  struct Refusal {
    const char* pointer;  // a path in the JSON
    Json value;
    const char* word;
  };
  const Json regex = {{"type", "Sequence"}, {"pretokenizers", Json::array({{{"type", "Split"}, {"behavior", "Isolated"}, {"invert", false},
                      {"pattern", {{"Regex", "\\w+"}}}}, {{"type", "ByteLevel"}}})}};
  Json removed = regex, anchored = regex;
  removed["pretokenizers"][0]["behavior"] = "Removed";
  anchored["pretokenizers"][0]["pattern"]["Regex"] = "^a";
  const Refusal refusals[] = {
      {"/model/type", "WordPiece", "model.type"},
      {"/model/byte_fallback", true, "model.byte_fallback"},
      {"/model/end_of_word_suffix", "</w>", "model.end_of_word_suffix"},
      {"/model/dropout", 0.1, "model.dropout"},
      {"/model/merges/0", "onlyone", "model.merges[0]"},
      {"/model/merges/0", Json::array({"q", "#~"}), "merge 0"},
      {"/model/vocab/!", -1, "model.vocab.'!'"},
      {"/model/vocab/!", 3, "twice"},
      {"/normalizer", {{"type", "NFKC"}}, "normalizer.type"},
      {"/pre_tokenizer", nullptr, "pre_tokenizer"},
      {"/pre_tokenizer", {{"type", "Metaspace"}}, "pre_tokenizer.type"},
      {"/pre_tokenizer", regex, "\\w"},
      {"/pre_tokenizer", removed, "pre_tokenizer.pretokenizers[0].behavior"},
      {"/pre_tokenizer", anchored, "'^'"},
      {"/post_processor", {{"type", "BertProcessing"}}, "post_processor.type"},
      {"/decoder", {{"type", "WordPiece"}}, "decoder.type"},
      {"/decoder", nullptr, "decoder"},
      {"/added_tokens/0/single_word", true, "added_tokens[0].single_word"},
      {"/added_tokens/1/content", "<|begin|>", "added_tokens"},
  };
  const Json good = json_of("gpt2");
  EXPECT_NO_THROW(parse_tokenizer(good.dump(), "good"));
  for (const Refusal& refusal : refusals) {
    Json bad = good;
    bad[Json::json_pointer(refusal.pointer)] = refusal.value;
    try {
      parse_tokenizer(bad.dump(), "tokenizer.json");
      ADD_FAILURE() << refusal.pointer << " was accepted";
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(refusal.word));
      EXPECT_THAT(error.what(), testing::StartsWith("tokenizer.json: "));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
    }
  }
}

TEST(Regex, RefusesWhatTheDialectsReadDifferently) {
  for (const char* pattern : {"\\w", "\\b", "\\h", "a.b", "a$", "[a[b]]", "[a&&b]", "[]a]", "(?m:a)", "(?<name>a)", "a{1,2}+", "\\p{^L}",
                              "\\pL", "[a", "(a", "a)", "\\", "*", "\\1", "\\x41"}) {
    EXPECT_THROW(Regex(pattern, "here"), InputError) << pattern;
  }
}

TEST(Regex, LongRepetitionsNeitherHangNorOverflow) {
  const Regex words("(?:a|b|ab)*c", "here");
  const std::string text = std::string(100'000, 'a') + "dc";
  std::size_t bytes = 0;
  try {
    words.split(text, [&](std::string_view piece, bool) { bytes += piece.size(); });
    EXPECT_EQ(bytes, text.size());
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("too many steps"));
  }
}

}  // namespace
}  // namespace coppice
