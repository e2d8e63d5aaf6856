// log, exp and cos made of additions, multiplications and divisions only, which IEEE 754 rounds
// alike everywhere; the C library's own differ in the last bit between versions and CPUs, and one
// such bit changes every later draw of a rejection sampler. Within a few units in the last place of
// the true value.
#pragma once

namespace coppice {

double portable_log(double x);          // x > 0, finite
double portable_exp(double x);          // 0 below -745, infinity above 709.8
double portable_cos_of_turn(double u);  // cos(2 pi u), u in [0, 1)

}  // namespace coppice
