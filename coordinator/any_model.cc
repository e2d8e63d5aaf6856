#include "coordinator/any_model.h"

#include <filesystem>

#include "core/error.h"
#include "models/graph/graph_model.h"
#include "models/model_folder.h"
#include "models/packed/packed_model.h"

namespace coppice {

std::string folder_of_model(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::exists(path)) throw InputError("'" + path + "': found nothing; expected a run, a model folder or a packed model");
  if (path.ends_with(".packed")) throw InputError("'" + path + "': found a packed model; expected a run or a model folder");
  if (path.ends_with(".pt2")) throw InputError("'" + path + "': found an archive of torch.export; expected a run or a model folder");
  return fs::exists(path + "/model/config.json") ? path + "/model" : path;
}

ModelState read_any_model(const std::string& path) {
  if (path.ends_with(".packed") && std::filesystem::exists(path)) return read_packed_model(path);
  if (path.ends_with(".pt2") && std::filesystem::exists(path)) return read_graph_file(path);
  return read_model_folder(folder_of_model(path));
}

}  // namespace coppice
