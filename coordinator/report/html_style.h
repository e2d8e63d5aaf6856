// The style sheet and the script of html_page.h.
#pragma once

#include <string_view>

namespace coppice {

extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;

}  // namespace coppice
