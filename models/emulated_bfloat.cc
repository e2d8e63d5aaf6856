#include "models/emulated_bfloat.h"

namespace coppice {
namespace {

// What oneDNN asks for (at::native's mkldnn_bf16_device_check).
bool multiplies_bfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return true;
#endif
}

}  // namespace

bool is_emulated(const at::Tensor& x) {
  static const bool native = multiplies_bfloat16();
  return !native && x.scalar_type() == at::kBFloat16 && x.is_cpu();
}

at::Tensor as_float(const at::Tensor& x) { return x.defined() ? x.to(at::kFloat) : x; }

at::Tensor as_bfloat(const at::Tensor& x) { return x.to(at::kBFloat16); }

}  // namespace coppice
