// What a run tells while it works: the progress line, metrics.jsonl and TensorBoard events.
#pragma once

#include <map>
#include <string>

#include "coordinator/report/round_record.h"
#include "coordinator/report/tensorboard_writer.h"
#include "coordinator/run.h"
#include "core/progress.h"
#include "core/run_report.h"

namespace coppice {

class RunRecorder : public Observer {
 public:
  // Drops records of steps that the state has not committed and replays the others into the event file.
  RunRecorder(const std::string& folder, const State& state, Progress& progress);

  void on_stage(const Method& stage, const State& state) override;
  void on_step(const Method& stage, const State& state, const StepRecord& record, const StepCost& cost) override;

 private:
  Progress& progress_;
  RunReport report_;
  TensorboardWriter events_;
};

// The line of metrics.jsonl that a step becomes.
RoundRecord record_of(const Method& stage, const State& state, const StepRecord& record, const StepCost& cost);

// What metrics.jsonl says of all rounds together, those before a resume included.
struct RoundTotals {
  std::map<std::string, double> seconds;  // wall seconds of each stage
  ClientCostFigures client;
  std::map<std::string, double> time_to_accuracy;  // by the virtual clock, in tenths
  std::map<std::string, double> level_bytes;
};
RoundTotals totals_of_rounds(const std::string& folder);

}  // namespace coppice
