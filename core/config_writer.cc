#include "core/config_writer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

#include "core/config_text.h"

namespace coppice {
namespace {

constexpr int kStep = 2;

bool is_plain(const std::string& value) {
  static const std::array<const char*, 8> kReserved = {"null", "Null", "NULL", "true", "false", "yes", "no", "none"};
  if (value.empty() || std::find(kReserved.begin(), kReserved.end(), value) != kReserved.end()) return false;
  const auto is_letter = [](unsigned char c) { return c < 0x80 && std::isalpha(c) != 0; };
  const auto is_allowed = [&](unsigned char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/' || c == '.' || c == '+';
  };
  const auto first = static_cast<unsigned char>(value.front());
  return (is_letter(first) || first == '_' || first == '/') && std::all_of(value.begin(), value.end(), is_allowed);
}

template <class T, class Print>
std::string flow_list(const std::vector<T>& values, const Print& print) {
  std::string out = "[";
  for (std::size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ", ") + print(values[i]);
  return out + "]";
}

}  // namespace

std::string yaml_text(const std::string& value) {
  if (is_plain(value)) return value;
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

FieldWriter::FieldWriter(Comments comments, int indent, const Extensions* extensions)
    : FieldVisitor(extensions), comments_(comments), indent_(indent) {}

void FieldWriter::line(const std::string& content) {
  text_ += std::string(static_cast<std::size_t>(indent_), ' ') + content + "\n";
}

void FieldWriter::comment(const std::string& help, const std::string& allowed) {
  if (comments_ == Comments::kNone) return;
  line("# " + help + (allowed.empty() ? "" : " (" + allowed + ")"));
}

void FieldWriter::field(const char* key, bool& value, const char* help) {
  comment(help, "true or false");
  line(std::string(key) + (value ? ": true" : ": false"));
}

void FieldWriter::field(const char* key, std::int64_t& value, const char* help, Range range) {
  comment(help, range.describe());
  line(std::string(key) + ": " + std::to_string(value));
}

void FieldWriter::field(const char* key, double& value, const char* help, Range range) {
  comment(help, range.describe());
  line(std::string(key) + ": " + plain_number(value));
}

void FieldWriter::field(const char* key, std::string& value, const char* help) {
  comment(help, "");
  line(std::string(key) + ": " + yaml_text(value));
}

void FieldWriter::field(const char* key, std::vector<double>& values, const char* help, Range range) {
  comment(help, range.describe());
  line(std::string(key) + ": " + flow_list(values, plain_number));
}

void FieldWriter::field(const char* key, std::vector<std::int64_t>& values, const char* help, Range range) {
  comment(help, range.describe());
  line(std::string(key) + ": " + flow_list(values, [](std::int64_t value) { return std::to_string(value); }));
}

void FieldWriter::field(const char* key, std::vector<std::string>& values, const char* help) {
  comment(help, "");
  line(std::string(key) + ": " + flow_list(values, yaml_text));
}

void FieldWriter::choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char* help) {
  comment(help, joined(names, " | "));
  line(std::string(key) + ": " + yaml_text(names.at(index)));
}

void FieldWriter::group(const char* key, const Visit& visit) {
  FieldWriter fields(comments_, indent_ + kStep, extensions());
  visit(fields);
  line(std::string(key) + (fields.text().empty() ? ": {}" : ":"));
  text_ += fields.text();
}

void FieldWriter::nested(const char* key, const Visit& visit, const char* help) {
  comment(help, "");
  group(key, visit);
}

void FieldWriter::optional_nested(const char* key, bool present, const std::function<void(bool)>&, const Visit& visit,
                                  const char* help) {
  comment(help, "a map of settings, or none");
  if (present) {
    group(key, visit);
  } else {
    line(std::string(key) + ": none");
  }
}

void FieldWriter::one_of(const char* key, std::size_t held, const std::vector<Alternative>& alternatives,
                         const char* help) {
  comment(help, joined(names_of(alternatives), " | "));
  if (alternatives[held].text) return line(std::string(key) + ": " + yaml_text(alternatives[held].text()));
  line(std::string(key) + ":");
  FieldWriter fields(comments_, indent_ + kStep, extensions());
  fields.line("kind: " + yaml_text(alternatives[held].name));
  alternatives[held].visit(fields);
  text_ += fields.text();
}

void FieldWriter::list_of(const char* key, std::size_t count, const std::function<void(std::size_t)>&,
                          const std::function<std::vector<Alternative>(std::size_t)>& alternatives,
                          const std::function<std::size_t(std::size_t)>& held, const char* help) {
  comment(help, count == 0 ? "" : "each one of: " + joined(names_of(alternatives(0)), " | "));
  line(std::string(key) + (count == 0 ? ": []" : ":"));
  for (std::size_t i = 0; i < count; ++i) {
    const Alternative item = alternatives(i)[held(i)];
    FieldWriter fields(comments_, indent_ + 3 * kStep, extensions());
    item.visit(fields);
    line("  - " + yaml_text(item.name) + (fields.text().empty() ? "" : ":"));
    text_ += fields.text();
  }
}

}  // namespace coppice
