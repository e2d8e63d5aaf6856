#include "coordinator/report/html_text.h"

#include <gtest/gtest.h>

namespace coppice {
namespace {

const std::string kReplaced = "\xEF\xBF\xBD";

TEST(EscapeHtml, LeavesNoMarkup) {
  EXPECT_EQ(escape_html("<script>alert('1') & \"2\"</script>"),
            "&lt;script&gt;alert(&#39;1&#39;) &amp; &quot;2&quot;&lt;/script&gt;");
}

TEST(EscapeHtml, KeepsTextLinesAndLetters) {
  EXPECT_EQ(escape_html("a\n\tb \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8C\xB3"),
            "a\n\tb \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8C\xB3");
}

TEST(EscapeHtml, ReplacesWhatIsNotText) {
  EXPECT_EQ(escape_html(std::string("a\0b\x1B[31m\x7F", 8)), "a" + kReplaced + "b" + kReplaced + "[31m");
  EXPECT_EQ(escape_html("\x7F"), kReplaced);
  EXPECT_EQ(escape_html("\xFF"), kReplaced);
  EXPECT_EQ(escape_html("\xC0\xBC"), kReplaced + kReplaced);                                  // an overlong <
  EXPECT_EQ(escape_html("\xED\xA0\x80"), kReplaced + kReplaced + kReplaced);                  // a surrogate
  EXPECT_EQ(escape_html("\xE2\x82"), kReplaced + kReplaced);                                  // cut short
  EXPECT_EQ(escape_html("\xF4\x90\x80\x80"), kReplaced + kReplaced + kReplaced + kReplaced);  // beyond U+10FFFF
}

TEST(EscapeHtml, ABrokenLetterDoesNotSwallowMarkup) { EXPECT_EQ(escape_html("\xE2<b>"), kReplaced + "&lt;b&gt;"); }

}  // namespace
}  // namespace coppice
