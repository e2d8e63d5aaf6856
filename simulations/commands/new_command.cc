#include <cstdio>
#include <filesystem>
#include <memory>
#include <type_traits>

#include "core/config_text.h"
#include "core/error.h"
#include "core/file.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/templates.h"
#include "simulations/run_config.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kKinds = {"method", "importance", "fusion", "pattern", "source"};

template <class... Ts>
std::vector<std::string> built_in(const std::variant<Ts...>* /*choices*/) {
  std::vector<std::string> names;
  const auto add = [&names]<class T>(std::type_identity<T>) {
    if constexpr (!kIsCustom<T>) names.emplace_back(T::kName);
  };
  (add(std::type_identity<Ts>{}), ...);
  return names;
}

template <class Choices>
std::vector<std::string> built_in() {
  return built_in(static_cast<const Choices*>(nullptr));
}

std::vector<std::string> taken_names(const std::string& kind) {
  if (kind == "method") return built_in<StageConfig>();
  if (kind == "importance") return built_in<ImportanceConfig>();
  if (kind == "fusion") return built_in<ClientFusionConfig>();
  if (kind == "pattern") return PatternText::forms();
  return built_in<SourceConfig>();
}

// The name is that of files, of a C++ type, and of a choice in a config.
void check_name(const std::string& name, const std::string& kind) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (name.empty() || name.front() < 'a' || name.front() > 'z' || !std::all_of(name.begin(), name.end(), allowed)) {
    throw InputError("new: found the name " + coppice::quoted(name) + "; expected a-z, 0-9 and _, beginning with a letter");
  }
  const std::vector<std::string> taken = taken_names(kind);
  if (std::find(taken.begin(), taken.end(), name) != taken.end()) {
    throw InputError("new: found the name " + coppice::quoted(name) + ", which a built-in " + kind + " has; expected another");
  }
}

// my_method -> MyMethod
std::string type_name(const std::string& name) {
  std::string type;
  bool begins = true;
  for (const char c : name) {
    if (c != '_') type += begins && c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    begins = c == '_';
  }
  return type;
}

// Where this program is installed with its package, so that the project finds it as it is; else nothing.
std::string hints() {
  const fs::path prefix = fs::read_symlink("/proc/self/exe").parent_path().parent_path();
  for (const char* library : {"lib", "lib64"}) {
    if (fs::exists(prefix / library / "cmake" / "Coppice")) return " HINTS \"" + prefix.string() + "\"";
  }
  return "";
}

std::string filled(std::string text, const std::map<std::string, std::string>& words) {
  for (const auto& [word, value] : words) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size())) {
      text.replace(at, word.size(), value);
    }
  }
  return text;
}

// path -> text of a project.
std::map<std::string, std::string> project(const std::string& kind, const std::map<std::string, std::string>& words) {
  std::map<std::string, std::string> files;
  for (const std::string& folder : {std::string("project/"), kind + "/"}) {
    for (const auto& [path, text] : templates()) {
      if (path.starts_with(folder)) files[filled(path.substr(folder.size()), words)] += filled(text, words);  // a config is of two parts
    }
  }
  return files;
}

}  // namespace

void add_new_command(CLI::App& app, int& code) {
  struct Arguments {
    std::string kind, name, out;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("new", "Write a project for a method of one's own, outside of this tree");
  command->add_option("kind", arguments->kind, joined(kKinds, ", "))->required();
  command->add_option("name", arguments->name, "its name in configs: my_method")->required();
  command->add_option("--out", arguments->out, "folder to write to (default: the name)");
  command->footer("Example:\n  coppice new importance my_score && cd my_score && cmake -B build && cmake --build build");
  command->callback([arguments, &code] {
    const std::string &kind = arguments->kind, &name = arguments->name;
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) throw InputError("new: " + unknown_name("kind", kind, kKinds));
    check_name(name, kind);
    const fs::path out = arguments->out.empty() ? name : arguments->out;
    if (fs::exists(out)) throw InputError("new: found " + coppice::quoted(out.string()) + ", which exists; expected a new folder");
    const std::map<std::string, std::string> words = {{"@name@", name},
                                                      {"@Name@", type_name(name)},
                                                      {"@kind@", kind},
                                                      {"@source@", kind == "source" ? name : FashionMnistSource::kName},
                                                      {"@hints@", hints()}};
    fs::create_directories(out);
    for (const auto& [path, text] : project(kind, words)) write_file_atomically((out / path).string(), text);
    std::printf("wrote %s; next: cd %s && cmake -B build && cmake --build build\n", out.c_str(), out.c_str());
    code = 0;
  });
}

}  // namespace coppice
