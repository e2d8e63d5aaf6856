// SparseGPT at 2:4 on the matrices of a SmolLM2-135M layer, random weights and inputs: CPU seconds a layer, one JSON line.
//
//   sparse_gpt TOKENS LAYERS
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "algorithms/compensation/sparse_gpt.h"
#include "algorithms/taps/input_products.h"
#include "bench/cpu_seconds.h"
#include "core/allocator.h"
#include "core/error.h"

namespace coppice {
namespace {

// An input and the outputs of the matrices that share it.
struct Site {
  std::int64_t inputs;
  std::vector<std::int64_t> outputs;
};
const std::vector<Site> kLayer = {{576, {576, 192, 192}}, {576, {576}}, {576, {1536, 1536}}, {1536, {576}}};

at::Tensor symmetric(const std::vector<float>& triangle, std::int64_t inputs) {
  const at::Tensor h_II = at::zeros({inputs, inputs}, at::TensorOptions().dtype(at::kDouble));
  auto* h = h_II.mutable_data_ptr<double>();
  std::size_t next = 0;
  for (std::int64_t i = 0; i < inputs; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) h[i * inputs + j] = h[j * inputs + i] = triangle[next++];
  }
  return h_II;
}

int run(std::int64_t tokens, int layers) {
  const at::NoGradGuard no_grad;
  double products = 0.0, solve = 0.0;
  const Pattern pattern = parse_pattern("2:4");
  for (int layer = 0; layer < layers; ++layer) {
    for (const Site& site : kLayer) {
      const at::Tensor x_NI = at::randn({tokens, site.inputs});
      const at::Tensor nothing_OI = at::zeros({1, site.inputs});
      InputProducts tap({0}, false);
      double start = cpu_seconds();
      tap.linear(0, x_NI, nothing_OI, {});
      const std::vector<float> triangle = tap.take(0);
      products += cpu_seconds() - start;
      std::vector<at::Tensor> weights;
      for (const std::int64_t outputs : site.outputs) weights.push_back(at::randn({outputs, site.inputs}));
      start = cpu_seconds();
      const InverseFactor factor = inverse_factor(symmetric(triangle, site.inputs), 0.01);
      for (const at::Tensor& w_OI : weights) sparse_gpt(w_OI, factor, pattern, 0, 128);
      solve += cpu_seconds() - start;
    }
  }
  std::printf("{\"name\": \"sparse_gpt\", \"products_cpu_s\": %.4f, \"solve_cpu_s\": %.4f}\n", products / layers, solve / layers);
  return 0;
}

}  // namespace
}  // namespace coppice

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: sparse_gpt TOKENS LAYERS\n", stderr);
    return 2;
  }
  coppice::pin_allocator();
  at::set_num_threads(1);
  return coppice::run(std::atoll(argv[1]), std::atoi(argv[2]));
}
