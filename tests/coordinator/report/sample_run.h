// The run folder under tests/golden/report/sample, whole and in parts.
#pragma once

#include <functional>
#include <string>

#include "coordinator/report/run_record.h"

namespace coppice {

std::string golden_path(const std::string& name);
std::string golden_text(const std::string& name);
RunRecord sample_run();

// The message of the InputError that `act` must throw, which must be one line; "" (and a failed test) otherwise.
std::string input_error_of(const std::function<void()>& act);

// `text` with the first `from` replaced; fails the test where there is none.
std::string with(std::string text, const std::string& from, const std::string& to);

}  // namespace coppice
