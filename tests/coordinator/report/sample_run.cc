#include "tests/coordinator/report/sample_run.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"

namespace coppice {

std::string golden_path(const std::string& name) { return std::string(COPPICE_GOLDEN_DIR) + "/" + name; }

std::string golden_text(const std::string& name) { return read_text_file(golden_path(name), 1 << 24); }

RunRecord sample_run() { return read_run(golden_path("sample")); }

std::string input_error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  ADD_FAILURE() << "no InputError";
  return "";
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace coppice
