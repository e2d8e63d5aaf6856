#include "simulations/sweep/sweep_rows.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "core/config_yaml.h"
#include "core/error.h"
#include "simulations/checked_run.h"

namespace coppice {
namespace {

using Point = std::vector<const ConfigNode*>;  // a value an axis; null of an axis that the arm sits out

// The part of a key path that a person calls it by.
std::vector<std::string> axis_labels(const std::vector<SweepAxis>& axes) {
  std::vector<std::string> labels;
  std::map<std::string, int> count;
  for (const SweepAxis& axis : axes) {
    labels.push_back(axis.name.substr(axis.name.rfind('.') + 1));
    ++count[labels.back()];
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (count[labels[i]] > 1) labels[i] = axes[i].name;
  }
  return labels;
}

std::vector<Point> points_of(const SweepArm& arm, const std::vector<SweepAxis>& axes) {
  std::vector<Point> points = {{}};
  for (const SweepAxis& axis : axes) {
    std::vector<Point> longer;
    for (const Point& point : points) {
      if (arm.keys.at(axis.name).empty()) {
        longer.push_back(point);
        longer.back().push_back(nullptr);
        continue;
      }
      for (const ConfigNode& value : axis.values) {
        longer.push_back(point);
        longer.back().push_back(&value);
      }
    }
    points = std::move(longer);
  }
  return points;
}

SweepCell cell_of(const SweepArm& arm, const Point& point, const std::vector<std::string>& labels) {
  SweepCell cell{.name = arm.name, .arm = arm.name, .coordinates = {}};
  for (std::size_t i = 0; i < point.size(); ++i) {
    cell.coordinates.push_back(point[i] == nullptr ? "" : point[i]->text);
    if (point[i] != nullptr) cell.name += ", " + labels[i] + " " + point[i]->text;
  }
  return cell;
}

// The baseline arm's cell at the same point, as far as both arms take the axes.
std::optional<std::size_t> counterpart(const std::vector<SweepCell>& cells, const SweepCell& cell, const std::string& arm) {
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (cells[c].arm != arm) continue;
    bool same = true;
    for (std::size_t i = 0; i < cell.coordinates.size(); ++i) {
      const std::string &mine = cell.coordinates[i], &its = cells[c].coordinates[i];
      same = same && (its.empty() || its == mine);
    }
    if (same) return c;
  }
  return std::nullopt;
}

void set_baselines(const SweepFile& sweep, std::vector<SweepCell>& cells) {
  const std::string& baseline = sweep.settings.baseline;
  if (baseline.empty()) return;
  std::vector<std::string> names;
  for (const SweepArm& arm : sweep.arms) names.push_back(arm.name);
  const bool is_arm = std::find(names.begin(), names.end(), baseline) != names.end();
  for (const SweepCell& cell : cells) {
    if (cell.name != cell.arm) names.push_back(cell.name);
  }
  if (std::find(names.begin(), names.end(), baseline) == names.end()) {
    throw InputError(sweep.file + ": sweep.baseline: " + unknown_name("arm or cell", baseline, names));
  }
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const auto named = std::find_if(cells.begin(), cells.end(), [&](const SweepCell& cell) { return cell.name == baseline; });
    std::optional<std::size_t> other = is_arm ? counterpart(cells, cells[c], baseline)
                                              : std::optional(static_cast<std::size_t>(named - cells.begin()));
    if (other == c) other.reset();
    cells[c].baseline = other;
  }
}

std::string folder_name(const SweepCell& cell, std::int64_t seed, const std::string& digest) {
  std::string name;
  for (const char c : cell.name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_';
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  constexpr std::size_t kDigits = 12;
  return "runs/" + name + "-seed-" + std::to_string(seed) + "-" + digest.substr(0, kDigits);
}

void say_where_from(ConfigNode& node, const std::shared_ptr<const std::string>& source) {
  node.source = source;
  for (ConfigNode& child : node.children) say_where_from(child, source);
}

void set_value(ConfigNode& root, const std::string& path, ConfigNode value, const std::string& row) {
  say_where_from(value, std::make_shared<const std::string>(row));
  apply_override(root, path, std::move(value));
}

ConfigNode plain_value(const std::string& text) {
  ConfigNode node;
  node.kind = ConfigNode::Kind::kScalar;
  node.plain = false;
  node.text = text;
  return node;
}

// Errors of a row begin with the sweep's file and the row, wherever they were found.
template <class Act>
auto in_row(const std::string& row, const Act& act) {
  try {
    return act();
  } catch (InputError& error) {
    if (!std::string_view(error.what()).starts_with(row)) error.within(row);
    throw;
  }
}

}  // namespace

SweepPlan plan_sweep(const SweepFile& sweep, const std::vector<std::string>& overrides, const Extensions& extensions) {
  SweepPlan plan;
  plan.axes = axis_labels(sweep.axes);
  struct ArmAtPoint {
    const SweepArm* arm;
    Point point;
  };
  std::vector<ArmAtPoint> columns;
  for (const SweepArm& arm : sweep.arms) {
    for (Point& point : points_of(arm, sweep.axes)) {
      plan.cells.push_back(cell_of(arm, point, plan.axes));
      columns.push_back({&arm, std::move(point)});
    }
  }
  set_baselines(sweep, plan.cells);
  std::map<std::string, ConfigNode> bases;
  for (const std::int64_t seed : sweep.seeds) {
    for (std::size_t c = 0; c < plan.cells.size(); ++c) {
      SweepRow row{.cell = c, .seed = seed, .name = "", .folder = "", .config = {}};
      row.name = sweep.file + ": row " + std::to_string(plan.rows.size() + 1) + " of " + std::to_string(sweep.seeds.size() * plan.cells.size()) +
                 " (" + plan.cells[c].name + ", seed " + std::to_string(seed) + ")";
      const SweepArm& arm = *columns[c].arm;
      in_row(row.name, [&] {
        const auto base = bases.find(arm.config);
        ConfigNode root = base != bases.end() ? base->second : bases.emplace(arm.config, read_settings(arm.config)).first->second;
        for (const auto* set : {&sweep.set, &arm.set}) {
          for (const KeyValue& one : *set) set_value(root, one.path, one.value, row.name);
        }
        for (std::size_t i = 0; i < sweep.axes.size(); ++i) {
          if (columns[c].point[i] != nullptr) set_value(root, arm.keys.at(sweep.axes[i].name), *columns[c].point[i], row.name);
        }
        for (const std::string& one : overrides) apply_override(root, one);
        set_value(root, "run.name", plain_value(plan.cells[c].name), row.name);
        read_tree(root, [&](FieldVisitor& v) { row.config.visit(v); }, extensions);
        row.config.run.seed = seed;
        check_settings(row.config, row.name);
      });
      row.folder = folder_name(plan.cells[c], seed, config_digest(row.config));
      plan.rows.push_back(std::move(row));
    }
  }
  return plan;
}

void check_rows(const SweepPlan& plan) {
  RunChecker checker;
  for (const SweepRow& row : plan.rows) {
    in_row(row.name, [&] { checker.check(row.config, static_cast<int>(row.config.run.ranks), row.name); });
  }
}

}  // namespace coppice
