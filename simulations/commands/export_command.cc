#include <cstdio>
#include <filesystem>
#include <memory>

#include "coordinator/any_model.h"
#include "core/error.h"
#include "core/file.h"
#include "models/model_folder.h"
#include "simulations/commands/commands.h"

namespace coppice {

void add_export_command(CLI::App& app, int& code) {
  auto path = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("export", "Write a model as a folder that other tools load");
  command->add_option("model", *path, "a run, a model folder or a packed model")->required();
  command->add_option("--out", *out, "the folder to write")->required();
  command->footer("Example:\n  coppice export runs/quickstart-1a2b3c4d5e6f/model/model.packed --out unpacked");
  command->callback([path, out, &code] {
    namespace fs = std::filesystem;
    const ModelState state = read_any_model(*path);
    if (fs::exists(*out)) throw InputError("--out: '" + *out + "' exists; expected a new folder");
    std::string provenance = "{\"artifact\": \"export of " + state.digest().hex() + "\"}\n";
    for (const std::string& beside : {*path + "/model/coppice.json", *path + "/coppice.json",
                                      fs::path(*path).parent_path().string() + "/coppice.json"}) {
      if (!fs::exists(beside)) continue;
      provenance = read_text_file(beside, 1 << 20);
      break;
    }
    fs::create_directories(*out);
    write_model_folder(*out, state, provenance);
    for (const std::string& beside : {*path + "/model", *path, fs::path(*path).parent_path().string()}) {
      if (!fs::exists(beside + "/config.json")) continue;
      copy_companions(beside, *out);
      break;
    }
    std::printf("wrote %s\n", out->c_str());
    code = 0;
  });
}

}  // namespace coppice
