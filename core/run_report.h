// The record of a run for machines: one JSON object a line in `metrics.jsonl`, each with the "step" (committed rounds
// of the run so far) it belongs to.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "core/file.h"

namespace coppice {

class RunReport {
 public:
  // Opens `<folder>/metrics.jsonl` and keeps the records of steps before `first_step`; later ones are of rounds that a
  // resume runs again. Throws InputError on a line that is not a record, except an unfinished last one, which is
  // dropped.
  RunReport(const std::string& folder, std::int64_t first_step);

  // Appends one object, whole or not at all to a reader. Numbers that are not finite become null. Throws Error where
  // there is no integer "step".
  void append(const nlohmann::json& record);

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  FileDescriptor file_;
};

}  // namespace coppice
