#include "core/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include <sys/ioctl.h>

#include "core/human_text.h"

namespace coppice {
namespace {

constexpr std::size_t kBarColumns = 24;
constexpr std::size_t kLeastColumns = 60;
constexpr double kRedrawSeconds = 0.1;

Progress::Options options_of_stderr() {
  Progress::Options options;
  winsize size{};
  const char* terminal = std::getenv("TERM");
  const bool can_erase = terminal != nullptr && std::string_view(terminal) != "dumb";
  if (::isatty(STDERR_FILENO) == 0 || !can_erase || ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return options;
  options.columns = size.ws_col > 0 ? size.ws_col : 80;
  options.is_terminal = options.columns >= kLeastColumns;
  return options;
}

std::string bar(std::int64_t done, std::int64_t total) {
  const double fraction = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0;
  const auto filled = static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * kBarColumns);
  return "[" + std::string(filled, '#') + std::string(kBarColumns - filled, '.') + "]";
}

}  // namespace

Progress::Progress() : Progress(std::cerr, options_of_stderr()) {}

Progress::Progress(std::ostream& out, Options options) : out_(out), options_(options) {}

Progress::~Progress() { end_stage(); }

void Progress::begin_stage(std::string_view name, std::int64_t total, std::int64_t done) {
  end_stage();
  stage_ = name;
  note_.clear();
  total_ = total;
  done_ = done_before_ = done;
  start_ = options_.now();
  is_open_ = true;
  if (options_.is_terminal) draw("");
}

void Progress::advance(std::string_view note) {
  if (!is_open_) return;
  ++done_;
  note_ = note;
  if (!options_.is_terminal) {
    out_ << status(note) << std::endl;
  } else if (done_ >= total_ || options_.now() - last_drawn_ >= kRedrawSeconds) {
    draw(note);
  }
}

void Progress::end_stage() {
  if (!is_open_) return;
  if (options_.is_terminal) {
    draw(note_);
    out_ << std::endl;
  }
  is_open_ = is_drawn_ = false;
}

void Progress::say(std::string_view text) {
  erase();
  out_ << text << std::endl;
  if (is_open_ && options_.is_terminal) draw(note_);
}

std::string Progress::status(std::string_view note) const {
  const double elapsed = options_.now() - start_;
  const auto rounds = static_cast<double>(done_ - done_before_);
  std::string out = stage_ + " ";
  if (options_.is_terminal) out += bar(done_, total_) + " ";
  out += std::to_string(done_) + "/" + std::to_string(total_);
  if (rounds > 0 && elapsed > 0) {
    const double rate = rounds / elapsed;
    out += rate >= 1.0 ? "  " + fixed_text(rate, 1) + " rounds/s" : "  " + seconds_text(1.0 / rate) + "/round";
    if (done_ < total_) {
      out += "  " + seconds_text(static_cast<double>(total_ - done_) / rate) + " left";
    } else {
      out += "  took " + seconds_text(elapsed);
    }
  }
  if (!note.empty()) out.append("  ").append(note);
  return out;
}

void Progress::draw(std::string_view note) {
  erase();
  // One column less than there are: a full line would wrap on some terminals and could not be erased.
  out_ << first_columns(status(note), options_.columns - 1) << std::flush;
  is_drawn_ = true;
  last_drawn_ = options_.now();
}

void Progress::erase() {
  if (is_drawn_) out_ << "\r\x1b[K";
  is_drawn_ = false;
}

}  // namespace coppice
