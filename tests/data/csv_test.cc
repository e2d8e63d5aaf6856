#include "data/csv.h"

#include "data/numbering.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

using Fields = std::vector<std::string>;

std::vector<Fields> read_all(const std::string& text, char delimiter = ',') {
  CsvReader reader(text, delimiter, "t.csv");
  std::vector<Fields> rows{reader.header()};
  for (Fields fields; reader.next(fields);) rows.push_back(fields);
  return rows;
}

TEST(Csv, ReadsPlainAndQuotedFields) {
  const auto rows = read_all(
      "\xEF\xBB\xBF"
      "a,b\r\n1,\"x,\"\"y\"\"\nz\"\r\n\r\n,\n2,");
  EXPECT_EQ(rows, (std::vector<Fields>{{"a", "b"}, {"1", "x,\"y\"\nz"}, {"", ""}, {"2", ""}}));
  EXPECT_EQ(read_all("a;b\n1;2\n", ';')[1], (Fields{"1", "2"}));
}

TEST(Csv, CountsLinesThroughQuotedBreaks) {
  CsvReader reader("a,b\n1,\"x\ny\"\n3,4\n", ',', "t.csv");
  Fields fields;
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(reader.line(), 2);
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(reader.line(), 4);
  EXPECT_FALSE(reader.next(fields));
}

TEST(Csv, NamesFileLineAndFault) {
  EXPECT_INPUT_ERROR(read_all(""), "t.csv: the file is empty");
  EXPECT_INPUT_ERROR(read_all("a,b\n1,2\n3\n"), "t.csv:3: found 1 fields, expected 2");
  EXPECT_INPUT_ERROR(read_all("a,b\n1,\"2\n"), "t.csv:2: a quoted field never ends");
  EXPECT_INPUT_ERROR(read_all("a,b\n1,\"2\"x\n"), "t.csv:2: found text behind a closing quote");
  EXPECT_INPUT_ERROR(read_all("a,b\n1,2\"\n"), "t.csv:2: found a quote inside an unquoted field");
  EXPECT_INPUT_ERROR(read_all("a,a\n"), "names column 'a' twice");
  EXPECT_INPUT_ERROR(read_all("a,\n"), "empty column name");
  EXPECT_INPUT_ERROR(read_all("a,\"b\nc\"\n"), "column name 'b\\nc' holds a line break");
  EXPECT_INPUT_ERROR(CsvReader("width,height\n", ',', "t.csv").column("widht"), "did you mean 'width'?");
}

TEST(Csv, AcceptsOnlyFiniteNumbers) {
  CsvReader reader("a\n1\n", ',', "t.csv");
  Fields fields;
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(csv_number(reader, 0, " -1.5e2 "), -150.0F);
  for (const char* wrong : {"", "nan", "inf", "1e39", "1,5", "0x10", "1.5kg", "--1"}) {
    EXPECT_INPUT_ERROR(csv_number(reader, 0, wrong), "t.csv:2: column 'a'");
  }
}

TEST(Csv, SurvivesMutations) {
  survive_mutations(bytes_of("a,b,c\n1,\"x \"\"y\",3\r\n4,5,\"6\n7\"\n"), 20000,
                    [](std::span<const std::byte> mutated) {
                      read_all({reinterpret_cast<const char*>(mutated.data()), mutated.size()});
                    });
}

TEST(Numbering, KeepsNumbersAndSortsTexts) {
  const Fields digits{"2", "0", "1", "1"};
  const Numbering kept(digits, Numbering::Keep::kZeroToK);
  EXPECT_TRUE(kept.names().empty());
  EXPECT_EQ(kept.count(), 3);
  EXPECT_EQ(kept.find("2"), 2);

  const Fields sparse{"100", "20", "3"};
  const Numbering renumbered(sparse, Numbering::Keep::kZeroToK);
  EXPECT_EQ(renumbered.names(), (Fields{"3", "20", "100"}));
  EXPECT_EQ(renumbered.find("20"), 1);
  EXPECT_EQ(Numbering(sparse, Numbering::Keep::kWholeNumbers).find("100"), 100);

  const Fields texts{"dog", "cat", "7"};
  const Numbering named(texts, Numbering::Keep::kWholeNumbers);
  EXPECT_EQ(named.names(), (Fields{"7", "cat", "dog"}));
  EXPECT_EQ(named.find("dog"), 2);
  EXPECT_FALSE(named.find("cow").has_value());
}

}  // namespace
}  // namespace coppice
