#include "comm/local/local_communicator.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "core/error.h"
#include "comm/local/local_world.h"

namespace coppice {
namespace {

// Elements that stay in the first-level cache while all ranks' buffers are folded into them.
constexpr std::size_t kBlockElements = 2048;

std::int64_t add_modulo(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

std::int64_t larger_of(std::int64_t a, std::int64_t b) { return std::max(a, b); }

class LocalCommunicator final : public Communicator {
 public:
  LocalCommunicator(std::shared_ptr<LocalWorld> world, std::shared_ptr<LocalGroup> group, int rank)
      : world_(std::move(world)), group_(std::move(group)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return group_->size(); }

  void broadcast(std::span<std::byte> buffer, int root) override {
    const Meeting meeting(*this, "broadcast", buffer.data(), buffer.size(), root);
    if (rank_ != root && !buffer.empty()) {
      std::memcpy(buffer.data(), meeting.slot(root).data, buffer.size());
    }
  }

  void reduce_sum(std::span<std::int64_t> buffer, int root) override {
    const Meeting meeting(*this, "reduce_sum", buffer.data(), buffer.size(), root);
    fold(meeting, add_modulo, root, root + 1);
  }

  void all_reduce_sum(std::span<std::int64_t> buffer) override {
    const Meeting meeting(*this, "all_reduce_sum", buffer.data(), buffer.size(), 0);
    fold(meeting, add_modulo, 0, size());
  }

  void all_reduce_max(std::span<std::int64_t> buffer) override {
    const Meeting meeting(*this, "all_reduce_max", buffer.data(), buffer.size(), 0);
    fold(meeting, larger_of, 0, size());
  }

  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine, int root) override {
    const Meeting meeting(*this, "gather", const_cast<std::byte*>(mine.data()), mine.size(), root);
    std::vector<std::vector<std::byte>> all;
    if (rank_ == root) {
      for (int from = 0; from < size(); ++from) {
        const auto* bytes = static_cast<const std::byte*>(meeting.slot(from).data);
        all.emplace_back(bytes, bytes + meeting.slot(from).count);
      }
    }
    return all;
  }

  void barrier() override { const Meeting meeting(*this, "barrier", nullptr, 0, 0); }

  std::unique_ptr<Communicator> split(int color) override {
    if (color < 0) throw Error("split: color " + std::to_string(color) + ", expected >= 0");
    struct Offer {
      int color;
      std::shared_ptr<LocalGroup> group;
    } mine{color, nullptr};
    int first = size();
    int new_rank = 0;
    int new_size = 0;
    {
      const Meeting meeting(*this, "split", &mine, 1, 0);
      for (int from = 0; from < size(); ++from) {
        if (static_cast<Offer*>(meeting.slot(from).data)->color != color) continue;
        first = std::min(first, from);
        new_rank += from < rank_ ? 1 : 0;
        ++new_size;
      }
    }
    // The first rank of each color makes the group, the others take it.
    if (rank_ == first) mine.group = std::make_shared<LocalGroup>(new_size);
    const Meeting meeting(*this, "split", &mine, 1, 0);
    auto group = static_cast<Offer*>(meeting.slot(first).data)->group;
    return std::make_unique<LocalCommunicator>(world_, std::move(group), new_rank);
  }

 private:
  // From the moment all ranks have shown their buffers until all are done with them.
  class Meeting {
   public:
    Meeting(LocalCommunicator& comm, std::string_view collective, void* data, std::size_t count, int root)
        : Meeting(comm, Slot{collective, root, data, count}) {
      if (root < 0 || root >= comm.size()) {
        throw Error(std::string(collective) + ": root " + std::to_string(root) + " in a world of " +
                    std::to_string(comm.size()));
      }
      const bool any_length = collective == "gather";
      for (int other = 0; other < comm.size(); ++other) {
        const Slot& theirs = slot(other);
        if (theirs.collective == collective && theirs.root == root && (any_length || theirs.count == count)) continue;
        throw Error("ranks disagree: rank " + std::to_string(comm.rank_) + " called " +
                    describe(comm.group_->slots[static_cast<std::size_t>(comm.rank_)]) + ", rank " +
                    std::to_string(other) + " " + describe(theirs));
      }
    }
    ~Meeting() { comm_.world_->depart(comm_.group_->exit, comm_.size()); }
    Meeting(const Meeting&) = delete;
    Meeting& operator=(const Meeting&) = delete;

    const Slot& slot(int rank) const { return comm_.group_->slots[static_cast<std::size_t>(rank)]; }

   private:
    // Once this constructor has returned the destructor runs whatever throws, so every rank that entered also departs.
    Meeting(LocalCommunicator& comm, Slot mine) : comm_(comm) {
      comm.group_->slots[static_cast<std::size_t>(comm.rank_)] = mine;
      comm.world_->arrive(comm.group_->entry, comm.size());
    }
    static std::string describe(const Slot& slot) {
      return std::string(slot.collective) + " of " + std::to_string(slot.count) + " elements at root " +
             std::to_string(slot.root);
    }

    LocalCommunicator& comm_;
  };

  // Each rank folds its own share of the index range over all buffers and writes it to the ranks in [first, last).
  template <class Op>
  void fold(const Meeting& meeting, Op op, int first, int last) {
    const auto buffer = [&](int rank) { return static_cast<std::int64_t*>(meeting.slot(rank).data); };
    const std::size_t count = meeting.slot(rank_).count;
    const auto ranks = static_cast<std::size_t>(size());
    const std::size_t share = (count + ranks - 1) / ranks;
    const std::size_t begin = std::min(count, share * static_cast<std::size_t>(rank_));
    const std::size_t end = std::min(count, begin + share);
    for (std::size_t at = begin; at < end; at += kBlockElements) {
      const std::size_t length = std::min(kBlockElements, end - at);
      std::int64_t* into = buffer(first) + at;
      for (int other = 0; other < size(); ++other) {
        if (other == first) continue;
        const std::int64_t* from = buffer(other) + at;
        for (std::size_t i = 0; i < length; ++i) into[i] = op(into[i], from[i]);
      }
      for (int other = first + 1; other < last; ++other) std::copy_n(into, length, buffer(other) + at);
    }
  }

  std::shared_ptr<LocalWorld> world_;
  std::shared_ptr<LocalGroup> group_;
  int rank_;
};

}  // namespace

std::unique_ptr<Communicator> make_solo_communicator() {
  return std::make_unique<LocalCommunicator>(std::make_shared<LocalWorld>(1), std::make_shared<LocalGroup>(1), 0);
}

void run_local_ranks(int num_ranks, const std::function<void(Communicator&)>& body) {
  if (num_ranks < 1) throw InputError("ranks: " + std::to_string(num_ranks) + ", expected at least 1");
  const auto world = std::make_shared<LocalWorld>(num_ranks);
  const auto group = std::make_shared<LocalGroup>(num_ranks);
  struct Outcome {
    std::exception_ptr error;
    bool only_released = false;
  };
  std::vector<Outcome> outcomes(static_cast<std::size_t>(num_ranks));

  const auto run_rank = [&](int rank) {
    Outcome& outcome = outcomes[static_cast<std::size_t>(rank)];
    try {
      LocalCommunicator comm(world, group, rank);
      body(comm);
    } catch (const Released&) {
      outcome = {std::current_exception(), true};
    } catch (...) {
      outcome = {std::current_exception(), false};
      world->give_up("released because rank " + std::to_string(rank) + " failed");
    }
    world->leave();
  };

  {
    std::vector<std::jthread> threads;
    try {
      for (int rank = 0; rank < num_ranks; ++rank) threads.emplace_back(run_rank, rank);
    } catch (...) {
      world->give_up("released because not all " + std::to_string(num_ranks) + " threads could be started");
      throw;
    }
  }
  for (const bool released : {false, true}) {
    for (const Outcome& outcome : outcomes) {
      if (outcome.error && outcome.only_released == released) std::rethrow_exception(outcome.error);
    }
  }
}

}  // namespace coppice
