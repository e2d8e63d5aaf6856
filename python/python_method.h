// A stage whose method is written in Python. It runs at the coordinator alone: clients carry out tasks of the closed set
// (algorithms/exchange/plan.h) and never meet Python.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "algorithms/methods/custom_stage.h"
#include "python/callbacks.h"

namespace coppice {

// What `settings` of a Python method may hold.
using PythonSetting = std::variant<bool, std::int64_t, double, std::string>;

class PythonStage final : public Stage {
 public:
  PythonStage(nb::object method, std::shared_ptr<Callbacks> callbacks);

  // The method's settings, as keys of the stage in the config.
  void visit(FieldVisitor& v) override;
  std::unique_ptr<Method> make(const StageSetting& setting) const override;
  std::int64_t rounds() const override;

 private:
  std::shared_ptr<nb::object> method_;
  std::shared_ptr<Callbacks> callbacks_;
  std::vector<std::pair<std::string, PythonSetting>> settings_;
};

}  // namespace coppice
