#include "simulations/sweep/sweep_runner.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

#include "coordinator/report/compare_output.h"
#include "coordinator/report/figures.h"
#include "coordinator/report/sweep_table.h"
#include "core/config_yaml.h"
#include "core/error.h"
#include "core/file.h"
#include "core/human_text.h"
#include "core/phase_timer.h"
#include "simulations/stop_signals.h"
#include "simulations/sweep/child_process.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

constexpr auto kLook = std::chrono::milliseconds(10);
constexpr double kLongestWaitForALock = 600.0;
constexpr std::uint64_t kMostLogBytes = std::uint64_t{64} << 20;

std::string last_line(const std::string& log) {
  std::string text = read_text_file(log, kMostLogBytes);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

std::string figures_of(const RunSummary& summary) {
  const VariantFigures& result = result_of(summary);
  const std::string quality = std::isfinite(result.accuracy) ? "accuracy " + show_percent(result.accuracy, 2) : "loss " + show_fixed(result.loss, 4);
  return quality + "  density " + show_percent(density_of(summary)) + "  down " + show_bytes(summary.traffic.bytes_down_per_client) + "  up " +
         show_bytes(summary.traffic.bytes_up_per_client) + "  " + show_short_count(summary.client.flops) + "FLOPs  memory " +
         show_bytes(summary.client.live_bytes) + " (" + show_bytes(summary.client.peak_bytes) + " with activations)  " +
         show_seconds(total_seconds(summary));
}

class SweepRunner {
 public:
  SweepRunner(const SweepFile& sweep, const SweepPlan& plan, const SweepOptions& options) : plan_(plan), options_(options), lock_(options.out) {
    results_ = {.name = sweep.settings.name, .axes = plan.axes, .cells = plan.cells, .runs = {}};
    for (const SweepRow& row : plan.rows) {
      SweepRun& run = results_.runs.emplace_back();
      run.cell = row.cell;
      run.seed = row.seed;
      run.folder = row.folder;
      run.config_digest = config_digest(row.config);
      look(run);
    }
    for (const char* folder : {"runs", "configs", "logs"}) fs::create_directories(options.out + "/" + folder);
  }

  int run() {
    const std::size_t done_before = results_.count(SweepRunStatus::kDone);
    std::printf("%s: %zu runs in %zu cells%s; into %s\n", results_.name.c_str(), results_.runs.size(), results_.cells.size(),
                done_before > 0 ? (", " + std::to_string(done_before) + " of them done already").c_str() : "", options_.out.c_str());
    std::fflush(stdout);
    if (options_.starts_runs) carry_out();
    write_tables();
    std::printf("\n%s", sweep_text(sweep_table(results_)).c_str());
    if (run_seconds_ > 0.0) {
      std::printf("%s in all; %.1f %% of it was not spent in runs\n", seconds_text(wall_seconds_).c_str(),
                  100.0 * std::max(0.0, wall_seconds_ - run_seconds_) / wall_seconds_);
    }
    for (const char* file : {"table.html", "table.md", "means.csv", "runs.csv"}) {
      const std::string path = options_.out + "/" + file;
      if (fs::exists(path)) std::printf("%s\n", path.c_str());
    }
    return exit_code();
  }

 private:
  struct Working {
    std::size_t index;
    ChildProcess process;
    double start;
  };

  // A folder that holds another config's run, or none that is complete, is no answer.
  void look(SweepRun& run) const {
    const std::string folder = options_.out + "/" + run.folder;
    if (!fs::exists(folder + "/summary.json")) return;
    RunSummary summary = read_summary(folder);
    if (summary.config_digest != run.config_digest) return;
    run.summary = std::move(summary);
    run.status = SweepRunStatus::kDone;
  }

  std::string log_of(const SweepRun& run) const { return options_.out + "/logs/" + fs::path(run.folder).filename().string() + ".log"; }

  // What an earlier sweep started may still be ending its round.
  void wait_for_lock(const std::string& folder) const {
    for (const double start = steady_seconds();;) {
      try {
        const FolderLock free(folder);
        return;
      } catch (const InputError&) {
        if (steady_seconds() - start > kLongestWaitForALock) throw;
        std::this_thread::sleep_for(kLook);
      }
    }
  }

  ChildProcess started(std::size_t index) const {
    const SweepRun& run = results_.runs[index];
    const std::string folder = options_.out + "/" + run.folder;
    const std::string config = options_.out + "/configs/" + fs::path(run.folder).filename().string() + ".yaml";
    write_file_atomically(config, write_config(plan_.rows[index].config));
    wait_for_lock(folder);
    std::vector<std::string> words = options_.launcher;
    for (const std::string& word : {program_, std::string("run"), config, std::string("--out"), folder,
                                    std::string("--resume=auto")}) {
      words.push_back(word);
    }
    return {words, log_of(run)};
  }

  void carry_out() {
    const StopSignals signals;
    const double start = steady_seconds();
    std::vector<Working> working;
    std::size_t next = 0;
    double busy_since = start;  // of the jobs together
    bool asked = false;
    for (;;) {
      while (!signals.asked() && working.size() < static_cast<std::size_t>(options_.jobs)) {
        while (next < results_.runs.size() && results_.runs[next].status == SweepRunStatus::kDone) ++next;
        if (next == results_.runs.size()) break;
        ChildProcess process = started(next);
        if (working.empty()) busy_since = steady_seconds();
        working.push_back({next, std::move(process), steady_seconds()});
        ++next;
      }
      if (working.empty()) break;
      if (signals.asked() && !asked) {
        asked = true;
        std::printf("stopping after the round at hand\n");
        std::fflush(stdout);
        for (const Working& one : working) one.process.ask_to_stop();
      }
      for (std::size_t i = 0; i < working.size();) {
        const std::optional<int> code = working[i].process.exit_code();
        if (!code) {
          ++i;
          continue;
        }
        const std::size_t index = working[i].index;
        const double seconds = steady_seconds() - working[i].start;
        working.erase(working.begin() + static_cast<std::ptrdiff_t>(i));
        if (working.empty()) run_seconds_ += steady_seconds() - busy_since;
        ended(index, *code, seconds, signals.asked());
      }
      std::this_thread::sleep_for(kLook);
    }
    stopped_ = signals.asked();
    wall_seconds_ = steady_seconds() - start;
  }

  void ended(std::size_t index, int code, double seconds, bool asked) {
    SweepRun& run = results_.runs[index];
    look(run);
    std::string text;
    if (run.status == SweepRunStatus::kDone) {
      text = figures_of(*run.summary);
      seconds_.push_back(seconds);
    } else if (asked || code == static_cast<int>(ExitCode::kStopped)) {
      run.status = SweepRunStatus::kStopped;
      run.remark = asked ? "as asked" : last_line(log_of(run));
      text = "stopped " + run.remark;
    } else {
      run.status = SweepRunStatus::kFailed;
      run.remark = "exit code " + std::to_string(code) + ": " + last_line(log_of(run));
      worst_ = std::max(worst_, code == static_cast<int>(ExitCode::kBadInput) ? code : static_cast<int>(ExitCode::kDefect));
      text = "FAILED, " + run.remark + " (" + log_of(run) + ")";
    }
    const std::size_t total = results_.runs.size(), done = results_.count(SweepRunStatus::kDone);
    std::printf("%zu/%zu  %s  %s%s\n", done, total, results_.name_of_run(run).c_str(), text.c_str(), time_left().c_str());
    std::fflush(stdout);
    if (!asked) write_tables();
  }

  std::string time_left() const {
    const std::size_t left = results_.count(SweepRunStatus::kMissing);
    if (left == 0 || seconds_.empty()) return "";
    double sum = 0.0;
    for (const double seconds : seconds_) sum += seconds;
    const double each = sum / static_cast<double>(seconds_.size());
    return "  about " + seconds_text(each * static_cast<double>(left) / static_cast<double>(options_.jobs)) + " left";
  }

  void write_tables() const {
    const SweepTable table = sweep_table(results_);
    write_file_atomically(options_.out + "/runs.csv", sweep_runs_csv(results_));
    write_file_atomically(options_.out + "/table.md", sweep_markdown(results_, table));
    write_file_atomically(options_.out + "/table.html", sweep_page(results_, table));
    const std::optional<Comparison> comparison = compare_cells(results_);
    if (comparison) write_file_atomically(options_.out + "/means.csv", compare_csv(*comparison));
  }

  int exit_code() const {
    if (stopped_ || results_.count(SweepRunStatus::kStopped) > 0) {
      std::printf("stopped with %zu of %zu runs done; go on with: %s\n", results_.count(SweepRunStatus::kDone), results_.runs.size(),
                  options_.command.c_str());
      return static_cast<int>(ExitCode::kStopped);
    }
    return worst_;
  }

  const SweepPlan& plan_;
  const SweepOptions& options_;
  FolderLock lock_;
  const std::string program_ = fs::read_symlink("/proc/self/exe").string();  // before anyone can replace the file
  SweepResults results_;
  std::vector<double> seconds_;  // of runs that this call finished
  double wall_seconds_ = 0.0;
  double run_seconds_ = 0.0;     // in which at least one run worked
  bool stopped_ = false;
  int worst_ = 0;
};

}  // namespace

int run_sweep(const SweepFile& sweep, const SweepPlan& plan, const SweepOptions& options) { return SweepRunner(sweep, plan, options).run(); }

}  // namespace coppice
