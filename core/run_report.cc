#include "core/run_report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace coppice {
namespace {

// The lines to keep; `*all` tells whether that is the whole file.
std::string kept_lines(const std::string& path, std::int64_t first_step, bool* all) {
  const MappedFile file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::string kept;
  std::size_t start = 0;
  for (int line = 1; start < text.size(); ++line) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) break;
    const std::string_view record = text.substr(start, end - start);
    const nlohmann::json parsed = nlohmann::json::parse(record, nullptr, false);
    if (!parsed.is_object() || !parsed.contains("step") || !parsed["step"].is_number_integer()) {
      throw InputError(path + ": line " + std::to_string(line) + ": found " + quoted(record) +
                       "; expected a JSON object with an integer \"step\"");
    }
    if (parsed["step"].get<std::int64_t>() < first_step) kept.append(record).append("\n");
    start = end + 1;
  }
  *all = kept.size() == text.size();
  return kept;
}

}  // namespace

RunReport::RunReport(const std::string& folder, std::int64_t first_step)
    : path_((std::filesystem::path(folder) / "metrics.jsonl").string()) {
  std::error_code failed;
  if (std::filesystem::exists(path_, failed)) {
    bool all = true;
    const std::string kept = kept_lines(path_, first_step, &all);
    if (!all) write_file_atomically(path_, kept);
  }
  file_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (file_.get() < 0) throw InputError(path_ + ": cannot be opened: " + std::strerror(errno));
}

void RunReport::append(const nlohmann::json& record) {
  if (!record.is_object() || !record.contains("step") || !record["step"].is_number_integer()) {
    throw Error(path_ + ": a record without an integer \"step\"");
  }
  const std::string line = record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  write_all(file_.get(), std::as_bytes(std::span(line.data(), line.size())), path_);
}

}  // namespace coppice
