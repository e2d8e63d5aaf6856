// What the threads of one local world share: barriers that can be given up, and the slots where ranks show each other what
// they brought to a collective.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace coppice {

// Thrown in ranks that did nothing wrong themselves, to unwind them.
class Released : public Error {
 public:
  explicit Released(const std::string& message) : Error(message) {}
};

// All threads of one run_local_ranks call, whatever groups they are split into.
class LocalWorld {
 public:
  // The barrier of one group; its state is guarded by the world's mutex, so that giving up wakes every group.
  struct Gate {
    int arrived = 0;
    std::size_t generation = 0;
  };

  explicit LocalWorld(int num_ranks) : num_ranks_(num_ranks) {}

  // Waits for `group_size` arrivals; throws Released once the world has been given up.
  void arrive(Gate& gate, int group_size);
  // The same among ranks that are certain to come, given up or not: while one of them still reads the others' buffers, none
  // may unwind.
  void depart(Gate& gate, int group_size);
  // The thread of a rank ends here, by returning or by throwing.
  void leave();
  void give_up(const std::string& reason);

 private:
  bool open_if_complete(Gate& gate, int group_size);
  void give_up_if_stuck();

  const int num_ranks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;  // in arrive(), at gates that have not opened yet
  int left_ = 0;
  std::string given_up_;  // the reason; empty = alive
};

// What one rank brought to the collective in progress.
struct Slot {
  std::string_view collective;
  int root = 0;
  void* data = nullptr;
  std::size_t count = 0;
};

// The ranks of one communicator.
struct LocalGroup {
  explicit LocalGroup(int size) : slots(static_cast<std::size_t>(size)) {}
  int size() const { return static_cast<int>(slots.size()); }

  LocalWorld::Gate entry;
  LocalWorld::Gate exit;
  std::vector<Slot> slots;
};

}  // namespace coppice
