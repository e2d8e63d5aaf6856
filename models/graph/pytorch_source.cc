#include "models/graph/pytorch_source.h"

#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "core/hex.h"
#include "models/graph/operators.h"

namespace coppice::graph {
namespace {

constexpr const char* kHead = R"(import pathlib

import torch
from safetensors.torch import load_file
from torch import nn

aten = torch.ops.aten
)";

constexpr const char* kModule = R"(

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        for name, shape in PARAMETERS.items():
            self._place(name).register_parameter(name.rpartition(".")[2], nn.Parameter(torch.zeros(shape)))
        for name, shape in BUFFERS.items():
            self._place(name).register_buffer(name.rpartition(".")[2], torch.zeros(shape))
        self._constants = [torch.frombuffer(bytearray.fromhex(text), dtype=dtype).reshape(shape) if text else torch.zeros(shape, dtype=dtype)
                          for dtype, shape, text in CONSTANTS]

    def _place(self, name):
        module = self
        for part in name.split(".")[:-1]:
            if not hasattr(module, part):
                module.add_module(part, nn.Module())
            module = getattr(module, part)
        return module

)";

constexpr const char* kLoad = R"(

def load(folder):
    """The network with the weights of model.safetensors in `folder`, ready to infer."""
    net = Model()
    net.load_state_dict(load_file(pathlib.Path(folder) / "model.safetensors"))
    return net.eval()
)";

std::string quoted_text(const std::string& text) { return nlohmann::json(text).dump(-1, ' ', true); }

std::string tuple_of(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (const std::int64_t size : shape) text += std::to_string(size) + ", ";
  return text + ")";
}

std::string dtype_text(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "torch.float32";
    case DType::kF64:
      return "torch.float64";
    case DType::kF16:
      return "torch.float16";
    case DType::kBF16:
      return "torch.bfloat16";
    case DType::kI8:
      return "torch.int8";
    case DType::kU8:
      return "torch.uint8";
    case DType::kI32:
      return "torch.int32";
    case DType::kI64:
      return "torch.int64";
    case DType::kBool:
      return "torch.bool";
  }
  return "None";
}

class Writer {
 public:
  explicit Writer(const Program& program) : program_(program) {
    for (const ValueId param : program.params) names_[param] = "w[" + quoted_text(program.name(param)) + "]";
    for (const Moments& m : program.moments) {
      names_[m.mean] = "w[" + quoted_text(program.name(m.mean)) + "]";
      names_[m.variance] = "w[" + quoted_text(program.name(m.variance)) + "]";
    }
    for (std::size_t i = 0; i < program.constants.size(); ++i)
      names_[program.constants[i].value] = "self._constants[" + std::to_string(i) + "]";
  }

  std::string text() const {
    std::string out = kHead;
    out += "\nPARAMETERS = {\n";
    for (const ValueId param : program_.params)
      out += "    " + quoted_text(program_.name(param)) + ": " + tuple_of(program_.shape(param)) + ",\n";
    out += "}\nBUFFERS = {\n";
    for (const Moments& m : program_.moments) {
      for (const ValueId value : {m.mean, m.variance})
        out += "    " + quoted_text(program_.name(value)) + ": " + tuple_of(program_.shape(value)) + ",\n";
    }
    out += "}\nCONSTANTS = [\n";
    for (const Constant& c : program_.constants)
      out += "    (" + dtype_text(c.dtype) + ", " + tuple_of(program_.shape(c.value)) + ", \"" + hex_of(c.bytes) + "\"),\n";
    out += "]\n";
    out += kModule;
    out += "    def forward(self, " + name(program_.input) +
           "):\n        w = {**dict(self.named_parameters()), **dict(self.named_buffers())}\n";
    for (const Node& node : program_.nodes) out += "        " + line(node) + "\n";
    out += "        return " + name(program_.output) + "\n";
    return out + kLoad;
  }

 private:
  std::string name(ValueId value) const {
    const auto found = names_.find(value);
    return found == names_.end() ? "v" + std::to_string(value) : found->second;
  }

  std::string arg(const Arg& value) const {
    struct Spell {
      const Writer& writer;
      std::string operator()(std::monostate) const { return "None"; }
      std::string operator()(bool held) const { return held ? "True" : "False"; }
      std::string operator()(std::int64_t held) const { return std::to_string(held); }
      std::string operator()(double held) const {
        if (std::isfinite(held)) return nlohmann::json(held).dump();
        return held > 0 ? "float(\"inf\")" : "float(\"-inf\")";
      }
      std::string operator()(const Text& held) const { return quoted_text(held.text); }
      std::string operator()(DType held) const { return dtype_text(held); }
      std::string operator()(const Ref& held) const { return writer.name(held.value); }
      std::string operator()(const List& held) const {
        std::string text = "[";
        for (std::size_t i = 0; i < held.size(); ++i) text += (i > 0 ? ", " : "") + writer.arg(held[i]);
        return text + "]";
      }
    };
    return std::visit(Spell{*this}, value.held);
  }

  std::string named(const Node& node, const char* key) const { return arg(*node.find(key)); }

  std::string line(const Node& node) const {
    std::string results;
    for (const ValueId value : node.outputs) results += (results.empty() ? "" : ", ") + name(value);
    if (node.outputs.size() == 1 && (node.op == "aten.split_with_sizes.default" || node.op == "aten.unbind.int"))
      results = "(" + results + ",)";
    static const std::map<std::string, std::string> kSigns = {
        {"size.add", " + "}, {"size.sub", " - "}, {"size.mul", " * "}, {"size.floordiv", " // "}};
    if (node.op == "aten.sym_size.int") return results + " = " + named(node, "self") + ".size(" + named(node, "dim") + ")";
    if (const auto sign = kSigns.find(node.op); sign != kSigns.end())
      return results + " = " + named(node, "a") + sign->second + named(node, "b");
    std::string args;
    for (const auto& [key, value] : node.args) args += (args.empty() ? "" : ", ") + key + "=" + arg(value);
    if (node.op == "aten.batch_norm.default") args += ", training=self.training, cudnn_enabled=False";
    return results + " = " + node.op + "(" + args + ")";
  }

  const Program& program_;
  std::map<ValueId, std::string> names_;
};

}  // namespace

std::string pytorch_source(const Program& program) { return Writer(program).text(); }

}  // namespace coppice::graph
