#include "core/config_docs.h"

#include <utility>

#include "core/config_text.h"
#include "core/config_tree.h"
#include "core/config_writer.h"

namespace coppice {
namespace {

std::string in_cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : c == '\n' ? " " : std::string(1, c);
  return out;
}

template <class T, class Print>
std::string code_list(const std::vector<T>& values, const Print& print) {
  std::string out = "`[";
  for (std::size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ", ") + print(values[i]);
  return out + "]`";
}

std::string code(const std::string& text) { return "`" + text + "`"; }

// Collects the rows of one section for each key at the top.
class DocsVisitor final : public FieldVisitor {
 public:
  DocsVisitor(std::string& out, const Extensions& extensions) : FieldVisitor(&extensions), out_(out) {}

  using FieldVisitor::choice;
  void field(const char* key, bool& value, const char* help) override {
    row(key, "true, false", value ? "`true`" : "`false`", help);
  }
  void field(const char* key, std::int64_t& value, const char* help, Range range) override {
    row(key, with_range("integer", range), code(std::to_string(value)), help);
  }
  void field(const char* key, double& value, const char* help, Range range) override {
    row(key, with_range("number", range), code(plain_number(value)), help);
  }
  void field(const char* key, std::string& value, const char* help) override {
    row(key, "text", value.empty() ? "" : code(value), help);
  }
  void field(const char* key, std::vector<double>& values, const char* help, Range range) override {
    row(key, with_range("list of numbers", range), code_list(values, plain_number), help);
  }
  void field(const char* key, std::vector<std::int64_t>& values, const char* help, Range range) override {
    row(key, with_range("list of integers", range),
        code_list(values, [](std::int64_t value) { return std::to_string(value); }), help);
  }
  void field(const char* key, std::vector<std::string>& values, const char* help) override {
    row(key, "list of texts", code_list(values, [](const std::string& value) { return value; }), help);
  }
  void choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char* help) override {
    row(key, joined(names, ", "), code(names.at(index)), help);
  }

 protected:
  void nested(const char* key, const Visit& visit, const char* help) override {
    row(key, "settings below", "", help);
    below(key, condition_, visit);
  }

  void optional_nested(const char* key, bool present, const std::function<void(bool)>& set_present, const Visit& visit,
                       const char* help) override {
    row(key, "none, or the settings below", present ? "" : "`none`", help);
    set_present(true);
    below(key, condition_, visit);
    set_present(present);
  }

  void one_of(const char* key, std::size_t held, const std::vector<Alternative>& alternatives,
              const char* help) override {
    const Alternative& now = alternatives[held];
    row(key, (now.text ? "" : "kind: ") + joined(names_of(alternatives), ", "), code(now.text ? now.text() : now.name), help);
    for (const Alternative& alternative : alternatives) {
      alternative.select();
      below(key, std::string(key) + ": " + alternative.name, alternative.visit);
    }
    alternatives[held].select();
  }

  void list_of(const char* key, std::size_t count, const std::function<void(std::size_t)>& resize,
               const std::function<std::vector<Alternative>(std::size_t)>& alternatives,
               const std::function<std::size_t(std::size_t)>& held, const char* help) override {
    std::vector<std::string> held_names;
    for (std::size_t i = 0; i < count; ++i) held_names.push_back(alternatives(i)[held(i)].name);
    resize(1);
    const std::vector<Alternative> choices = alternatives(0);
    row(key, "list of: " + joined(names_of(choices), ", "),
        code_list(held_names, [](const std::string& name) { return name; }), help);
    for (const Alternative& choice_of_item : choices) {
      choice_of_item.select();
      below(join_path(key, choice_of_item.name), "", choice_of_item.visit);
    }
    resize(count);
  }

 private:
  void row(const char* key, const std::string& values, const std::string& default_value, const char* help) {
    if (path_.empty()) {
      out_ +=
          "\n## " + std::string(key) + "\n\n| key | only with | values | default | meaning |\n|---|---|---|---|---|\n";
    }
    out_ += "| `" + join_path(path_, key) + "` | " + (condition_.empty() ? "" : code(condition_)) + " | " +
            in_cell(values) + " | " + in_cell(default_value) + " | " + in_cell(help) + " |\n";
  }

  void below(const std::string& key, std::string condition, const Visit& visit) {
    const std::string path = std::exchange(path_, join_path(path_, key));
    std::swap(condition_, condition);
    visit(*this);
    path_ = path;
    std::swap(condition_, condition);
  }

  std::string& out_;
  std::string path_;
  std::string condition_;  // the innermost alternative whose fields these are
};

}  // namespace

std::string write_markdown(const VisitConfig& visit, const Extensions& extensions) {
  std::string out;
  DocsVisitor docs(out, extensions);
  visit(docs);
  return out;
}

std::string write_annotated_yaml(const VisitConfig& visit, const Extensions& extensions) {
  FieldWriter writer(FieldWriter::Comments::kHelp, 0, &extensions);
  visit(writer);
  return writer.text();
}

}  // namespace coppice
