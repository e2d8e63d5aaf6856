#include "data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

CsvReader::CsvReader(std::string_view text, char delimiter, std::string file)
    : text_(text), delimiter_(delimiter), file_(std::move(file)) {
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  if (!read_record(header_)) throw InputError(file_ + ": the file is empty; expected a header line");
  std::vector<std::string> sorted = header_;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) fail("the header names column " + quoted(*twice) + " twice");
  if (sorted.front().empty()) fail("the header holds an empty column name");
  for (const std::string& name : header_) {
    const bool control = std::any_of(name.begin(), name.end(), [](char c) { return c >= 0 && c < ' '; });
    if (control) fail("column name " + quoted(name) + " holds a line break or another control character");
  }
}

void CsvReader::fail(const std::string& message) const {
  throw InputError(file_ + ":" + std::to_string(record_line_) + ": " + message);
}

std::size_t CsvReader::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) throw InputError(file_ + ": " + unknown_name("column", name, header_));
  return static_cast<std::size_t>(found - header_.begin());
}

bool CsvReader::next(std::vector<std::string>& fields) {
  if (!read_record(fields)) return false;
  if (fields.size() != header_.size()) {
    fail("found " + std::to_string(fields.size()) + " fields, expected " + std::to_string(header_.size()) +
         " as in the header");
  }
  return true;
}

bool CsvReader::at_line_end() const {
  return at_ == text_.size() || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n";
}

bool CsvReader::read_record(std::vector<std::string>& fields) {
  fields.clear();
  while (at_ < text_.size() && at_line_end()) {
    at_ += text_[at_] == '\n' ? 1 : 2;
    ++line_;
  }
  record_line_ = line_;
  if (at_ == text_.size()) return false;
  while (true) {
    std::string& field = fields.emplace_back();
    if (at_ < text_.size() && text_[at_] == '"') {
      read_quoted(field);
    } else {
      const std::size_t begin = at_;
      while (!at_line_end() && text_[at_] != delimiter_) {
        if (text_[at_] == '"') fail("found a quote inside an unquoted field; expected the whole field in quotes");
        ++at_;
      }
      field.assign(text_.substr(begin, at_ - begin));
    }
    if (at_ == text_.size()) return true;
    if (text_[at_] == delimiter_) {
      ++at_;
      continue;
    }
    if (!at_line_end()) fail("found text behind a closing quote; expected a delimiter or the end of the line");
    at_ += text_[at_] == '\n' ? 1 : 2;
    ++line_;
    return true;
  }
}

void CsvReader::read_quoted(std::string& field) {
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      ++at_;
      if (at_ == text_.size() || text_[at_] != '"') return;
    }
    if (text_[at_] == '\n') ++line_;
    field += text_[at_];
  }
  fail("a quoted field never ends");
}

float csv_number(const CsvReader& reader, std::size_t column, std::string_view text) {
  const std::string_view digits = trimmed(text);
  double value = 0.0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  const auto number = static_cast<float>(value);
  if (!whole || !std::isfinite(number)) {
    reader.fail("column " + quoted(reader.header()[column]) + ": found " + quoted(text) + ", expected a finite number");
  }
  return number;
}

bool csv_integer(std::string_view text, std::int32_t& value) {
  const std::string_view digits = trimmed(text);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
}

}  // namespace coppice
