// Writes config structs as YAML text that FieldReader reads back to the same structs.
#pragma once

#include <string>

#include "core/config.h"

namespace coppice {

class FieldWriter final : public FieldVisitor {
 public:
  enum class Comments { kNone, kHelp };

  // Every line starts with `indent` spaces; with kHelp each key has its help and allowed values in
  // a comment above it.
  explicit FieldWriter(Comments comments, int indent = 0, const Extensions* extensions = nullptr);

  const std::string& text() const { return text_; }

  using FieldVisitor::choice;
  void field(const char* key, bool& value, const char* help) override;
  void field(const char* key, std::int64_t& value, const char* help, Range range) override;
  void field(const char* key, double& value, const char* help, Range range) override;
  void field(const char* key, std::string& value, const char* help) override;
  void field(const char* key, std::vector<double>& value, const char* help, Range range) override;
  void field(const char* key, std::vector<std::int64_t>& value, const char* help, Range range) override;
  void field(const char* key, std::vector<std::string>& value, const char* help) override;
  void choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char* help) override;

 protected:
  void nested(const char* key, const Visit& visit, const char* help) override;
  void optional_nested(const char* key, bool present, const std::function<void(bool)>& set_present, const Visit& visit,
                       const char* help) override;
  void one_of(const char* key, std::size_t held, const std::vector<Alternative>& alternatives,
              const char* help) override;
  void list_of(const char* key, std::size_t count, const std::function<void(std::size_t)>& resize,
               const std::function<std::vector<Alternative>(std::size_t)>& alternatives,
               const std::function<std::size_t(std::size_t)>& held, const char* help) override;

 private:
  void line(const std::string& content);
  void comment(const std::string& help, const std::string& allowed);
  void group(const char* key, const Visit& visit);

  Comments comments_;
  int indent_;
  std::string text_;
};

// A YAML scalar that reads back as the text `value`: plain where that is safe, else in double
// quotes.
std::string yaml_text(const std::string& value);

}  // namespace coppice
