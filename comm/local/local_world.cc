#include "comm/local/local_world.h"

namespace coppice {

bool LocalWorld::open_if_complete(Gate& gate, int group_size) {
  if (++gate.arrived < group_size) return false;
  gate.arrived = 0;
  ++gate.generation;
  changed_.notify_all();
  return true;
}

void LocalWorld::arrive(Gate& gate, int group_size) {
  std::unique_lock lock(mutex_);
  if (!given_up_.empty()) throw Released(given_up_);
  if (open_if_complete(gate, group_size)) {
    waiting_ -= group_size - 1;
    return;
  }
  const std::size_t mine = gate.generation;
  ++waiting_;
  give_up_if_stuck();
  changed_.wait(lock, [&] { return gate.generation != mine || !given_up_.empty(); });
  if (gate.generation == mine) throw Released(given_up_);
}

void LocalWorld::depart(Gate& gate, int group_size) {
  std::unique_lock lock(mutex_);
  if (open_if_complete(gate, group_size)) return;
  changed_.wait(lock, [&, mine = gate.generation] { return gate.generation != mine; });
}

void LocalWorld::leave() {
  const std::lock_guard lock(mutex_);
  ++left_;
  give_up_if_stuck();
}

void LocalWorld::give_up(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (!given_up_.empty()) return;
  given_up_ = reason;
  changed_.notify_all();
}

// A gate opens only by an arrival, so once every rank waits or has left, nobody will ever come.
void LocalWorld::give_up_if_stuck() {
  if (waiting_ == 0 || waiting_ + left_ < num_ranks_ || !given_up_.empty()) return;
  given_up_ = std::to_string(waiting_) + " of " + std::to_string(num_ranks_) +
              " local ranks wait in collectives that the others did not join";
  changed_.notify_all();
}

}  // namespace coppice
