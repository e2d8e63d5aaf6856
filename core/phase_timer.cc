#include "core/phase_timer.h"

#include <chrono>

#include "core/error.h"

namespace coppice {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

PhaseTimer::PhaseTimer(double (*now)()) : now_(now), nodes_(1) {}

PhaseTimer::Scope::~Scope() {
  Node& node = timer_.nodes_[timer_.current_];
  node.seconds += timer_.now_() - start_;
  ++node.count;
  timer_.current_ = parent_;
}

PhaseTimer::Scope PhaseTimer::time(std::string_view name) {
  const std::size_t parent = current_;
  current_ = child(name);
  return {*this, parent};
}

void PhaseTimer::add(std::string_view name, double seconds, std::int64_t count) {
  Node& node = nodes_[child(name)];
  node.seconds += seconds;
  node.count += count;
}

std::vector<Phase> PhaseTimer::snapshot() const {
  std::vector<Phase> out;
  for (const std::size_t top : nodes_.front().children) collect(top, "", out);
  return out;
}

void PhaseTimer::clear() {
  if (current_ != 0) throw Error("phase timer: cleared inside phase " + quoted(nodes_[current_].name));
  nodes_.assign(1, Node{});
}

std::size_t PhaseTimer::child(std::string_view name) {
  for (const std::size_t index : nodes_[current_].children) {
    if (nodes_[index].name == name) return index;
  }
  const std::size_t index = nodes_.size();
  nodes_.emplace_back();
  nodes_.back().name = name;
  nodes_[current_].children.push_back(index);
  return index;
}

void PhaseTimer::collect(std::size_t node, const std::string& prefix, std::vector<Phase>& out) const {
  const Node& here = nodes_[node];
  const std::string path = prefix.empty() ? here.name : prefix + "/" + here.name;
  out.push_back({path, here.seconds, here.count});
  for (const std::size_t inner : here.children) collect(inner, path, out);
}

}  // namespace coppice
