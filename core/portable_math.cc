#include "core/portable_math.h"

#include <cmath>
#include <limits>

namespace coppice {
namespace {

// ln 2 in two parts; the first has 32 bits, so that its product with an exponent is exact.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

// Taylor series from the smallest term up; |t| <= pi / 4.
double cos_near_zero(double t) {
  const double z = t * t;
  double sum = 1.0;
  for (int k = 18; k >= 2; k -= 2) sum = 1.0 - sum * z / (k * (k - 1.0));
  return sum;
}

double sin_near_zero(double t) {
  const double z = t * t;
  double sum = 1.0;
  for (int k = 19; k >= 3; k -= 2) sum = 1.0 - sum * z / (k * (k - 1.0));
  return sum * t;
}

}  // namespace

double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) {
    m *= 2.0;
    --exponent;
  }
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.172
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double sum = 0.0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * z + 1.0 / k;
  return exponent * kLn2High + (2.0 * s * sum + exponent * kLn2Low);
}

double portable_exp(double x) {
  if (x < -745.2) return 0.0;
  if (x > 709.79) return std::numeric_limits<double>::infinity();
  const double k = std::floor(x * 0x1.71547652b82fep+0 + 0.5);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1.0;
  for (int i = 14; i >= 1; --i) sum = 1.0 + sum * r / i;
  return std::ldexp(sum, static_cast<int>(k));
}

double portable_cos_of_turn(double u) {
  const double quarter = std::floor(4.0 * u + 0.5);
  const double t = (u - 0.25 * quarter) * 0x1.921fb54442d18p+2;  // the difference is exact, |t| <= pi / 4
  switch (static_cast<int>(quarter) & 3) {
    case 0:
      return cos_near_zero(t);
    case 1:
      return -sin_near_zero(t);
    case 2:
      return -cos_near_zero(t);
    default:
      return sin_near_zero(t);
  }
}

}  // namespace coppice
