#include "algorithms/methods/state.h"

#include "core/error.h"

namespace coppice {

const Track& State::track(const std::string& name) const {
  const auto found = tracks.find(name);
  if (found == tracks.end()) throw Error("the run has no model track '" + name + "'");
  return found->second;
}

Track& State::track(const std::string& name) { return const_cast<Track&>(std::as_const(*this).track(name)); }

}  // namespace coppice
