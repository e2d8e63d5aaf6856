// How far a run is, for the person in front of it: on a terminal one bar a stage that is drawn over, elsewhere a line a
// round. Everything a run says while it works goes through here, so that no message lands inside a bar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

#include "core/phase_timer.h"

namespace coppice {

class Progress {
 public:
  struct Options {
    bool is_terminal = false;
    std::size_t columns = 80;
    double (*now)() = steady_seconds;
  };

  // To standard error: a bar where that is a terminal wide enough for one.
  Progress();
  Progress(std::ostream& out, Options options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // A stage of `total` rounds, `done` of which an earlier run did. Ends the stage before it.
  void begin_stage(std::string_view name, std::int64_t total, std::int64_t done = 0);
  // One more round is done; `note` is what it came to, for instance "accuracy 0.81".
  void advance(std::string_view note = "");
  void end_stage();

  // A message on a line of its own.
  void say(std::string_view text);

 private:
  std::string status(std::string_view note) const;
  void draw(std::string_view note);
  void erase();

  std::ostream& out_;
  Options options_;
  std::string stage_;
  std::string note_;
  std::int64_t total_ = 0;
  std::int64_t done_ = 0;
  std::int64_t done_before_ = 0;
  double start_ = 0.0;
  double last_drawn_ = 0.0;
  bool is_open_ = false;   // a stage is running
  bool is_drawn_ = false;  // its bar is on the screen
};

}  // namespace coppice
