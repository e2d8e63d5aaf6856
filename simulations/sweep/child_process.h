// A program that works beside this one, for a sweep's runs. In a process group of its own, so that Ctrl-C asks the sweep alone; should this
// program die, the child is asked to stop (Linux: PR_SET_PDEATHSIG).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coppice {

class ChildProcess {
 public:
  // The first word is found as a shell finds it. Standard output and error are appended to `log`. Throws InputError where `log` cannot be
  // written, Error where no process can be made; a program that is not there exits with 127.
  ChildProcess(const std::vector<std::string>& command, const std::string& log);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();  // asks a child that still works to stop, and waits for it

  // The exit code once it is done, without waiting; 128 + its number where a signal ended it.
  std::optional<int> exit_code();
  // SIGUSR1: `coppice run` stops after the round at hand, and mpirun passes it on where SIGTERM would kill its ranks.
  void ask_to_stop() const;

 private:
  pid_t pid_ = -1;  // -1: done, or moved from
};

}  // namespace coppice
