// Whether a page is a tree: what a browser would repair silently, a test should not accept.
#pragma once

#include <string>
#include <string_view>

namespace coppice {

// "" where every tag is closed in order, attributes are quoted and unique within a tag, ids are unique, every #link has
// its target, and nothing is fetched from anywhere; otherwise what is wrong first.
std::string first_defect(std::string_view html);

}  // namespace coppice
