// Text from files on its way into HTML.
#pragma once

#include <string>
#include <string_view>

namespace coppice {

// Safe inside elements and inside quoted attributes: & < > " ' are escaped; control characters and bytes that are not
// UTF-8 become U+FFFD. Newlines and tabs stay.
std::string escape_html(std::string_view text);

}  // namespace coppice
