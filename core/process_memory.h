// What this process takes.
#pragma once

#include <cstdint>

namespace coppice {

std::uint64_t peak_rss_bytes();  // largest resident set so far
std::uint64_t rss_bytes();       // resident set now
std::uint64_t bytes_in_use();    // handed out by malloc and not yet freed, in all threads
// What this process may still take: of the machine, and of its control group where that has a limit.
std::uint64_t available_bytes();

}  // namespace coppice
