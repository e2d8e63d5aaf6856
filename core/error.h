// Errors that end a run, each with the exit code the program owes its caller.
//
// Broken input, config or environment -> throw. Expected events (a late client, a malformed report, a NaN loss) are
// values counted in the ledger and never come through here.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

enum class ExitCode : int { kDone = 0, kDefect = 1, kBadInput = 2, kStopped = 3 };

// One message line plus a chain of contexts, outermost first: "configs/a.yaml: stages.2.prune: ...".
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode exit_code = ExitCode::kDefect)
      : std::runtime_error(message), message_(message), exit_code_(exit_code) {}

  // Prepends a context ("while reading X"): `catch (Error& error) { error.within(path); throw; }` keeps the type.
  Error& within(std::string_view context);

  const char* what() const noexcept override { return message_.c_str(); }
  ExitCode exit_code() const { return exit_code_; }

 private:
  std::string message_;
  ExitCode exit_code_;
};

// The person's input is wrong: file, key path, what was found, what was expected, nearest valid name. Exit code 2.
class InputError : public Error {
 public:
  explicit InputError(const std::string& message) : Error(message, ExitCode::kBadInput) {}
};

// Stopped by a budget, a quorum, a signal or a fault that a resume continues. Exit code 3.
class Stopped : public Error {
 public:
  explicit Stopped(const std::string& message) : Error(message, ExitCode::kStopped) {}
};

// Text from outside as it may stand in an error line: in quotes, unprintable bytes escaped, cut after `limit` bytes.
std::string quoted(std::string_view text, std::size_t limit = 60);

// The candidate closest to `found` by edit distance, or "" where none is near enough to be a slip of the finger.
std::string nearest_name(std::string_view found, const std::vector<std::string>& candidates);

// "unknown <what> 'found' (did you mean 'nearest'?); expected one of: a, b, c".
std::string unknown_name(std::string_view what, std::string_view found, const std::vector<std::string>& candidates);

}  // namespace coppice
