// How a figure is written for a person: core/human_text.h for what may be absent or negative, and the units only
// reports have. One place, so that the terminal, the HTML report, the model card and the comparison print the same
// digits. "-" where not finite.
#pragma once

#include <string>

namespace coppice {

std::string show_fixed(double value, int decimals);           // "0.4120"; never "-0.00"
std::string show_significant(double value, int digits);       // "0.412", "13.5", "1,204"
std::string show_count(double value);                         // "77,898"
std::string show_short_count(double value);                   // "77.9 k", "9.35 M"
std::string show_bytes(double bytes);                         // "311 KiB"
std::string show_percent(double fraction, int decimals = 1);  // 0.851 -> "85.1 %"
std::string show_milliseconds(double milliseconds);           // "0.241 ms"
std::string show_seconds(double seconds);                     // "12 ms", "38.2 s", "4 min 12 s"

}  // namespace coppice
