// CSV (RFC 4180), record by record: quoted fields may hold delimiters, line breaks and doubled quotes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

// Reads text that must outlive it. The first record is the header. Every error is an InputError "file:line: ...".
class CsvReader {
 public:
  CsvReader(std::string_view text, char delimiter, std::string file);

  const std::vector<std::string>& header() const { return header_; }  // distinct, none empty
  std::size_t column(std::string_view name) const;                    // throws with the nearest name

  // The next record, as many fields as the header; false at the end. Empty lines are skipped.
  bool next(std::vector<std::string>& fields);

  std::int64_t line() const { return record_line_; }  // where the last record begins, from 1
  const std::string& file() const { return file_; }
  [[noreturn]] void fail(const std::string& message) const;  // at line()

 private:
  bool read_record(std::vector<std::string>& fields);
  void read_quoted(std::string& field);
  bool at_line_end() const;

  std::string_view text_;
  std::size_t at_ = 0;
  char delimiter_;
  std::string file_;
  std::int64_t line_ = 1;
  std::int64_t record_line_ = 1;
  std::vector<std::string> header_;
};

// A finite number that float32 can hold; anything else fails at the reader's line, naming the column.
float csv_number(const CsvReader& reader, std::size_t column, std::string_view text);

// The text as a whole number that int32 can hold; false where it is none.
bool csv_integer(std::string_view text, std::int32_t& value);

}  // namespace coppice
