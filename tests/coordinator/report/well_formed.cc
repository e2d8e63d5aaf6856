#include "tests/coordinator/report/well_formed.h"

#include <cctype>
#include <set>
#include <vector>

namespace coppice {
namespace {

class Checker {
 public:
  explicit Checker(std::string_view html) : rest_(html) {}

  std::string run() {
    while (defect_.empty() && !rest_.empty()) {
      const std::size_t tag = rest_.find('<');
      text(rest_.substr(0, tag));
      if (tag == std::string_view::npos) break;
      rest_.remove_prefix(tag + 1);
      if (take("!DOCTYPE html>")) continue;
      take("/") ? close() : open();
    }
    if (defect_.empty() && !open_.empty()) defect_ = "<" + open_.back() + "> is never closed";
    for (const std::string& target : links_) {
      if (defect_.empty() && !ids_.contains(target)) defect_ = "no element has the id " + target;
    }
    return defect_;
  }

 private:
  bool take(std::string_view start) {
    if (!rest_.starts_with(start)) return false;
    rest_.remove_prefix(start.size());
    return true;
  }

  std::string name() {
    std::string taken;
    while (!rest_.empty() && (std::isalnum(static_cast<unsigned char>(rest_[0])) != 0 || rest_[0] == '-')) {
      taken += rest_[0];
      rest_.remove_prefix(1);
    }
    if (taken.empty()) defect_ = "a stray < before '" + std::string(rest_.substr(0, 20)) + "'";
    return taken;
  }

  void text(std::string_view words) {
    if (words.find('>') != std::string_view::npos) defect_ = "a stray > in '" + std::string(words.substr(0, 60)) + "'";
    for (std::size_t at = words.find('&'); at != std::string_view::npos; at = words.find('&', at + 1)) {
      bool known = false;
      for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&ndash;"}) {
        known = known || words.substr(at).starts_with(entity);
      }
      if (!known) defect_ = "a stray & in '" + std::string(words.substr(at, 20)) + "'";
    }
  }

  void attribute(std::set<std::string>& seen) {
    const std::string key = name();
    if (!defect_.empty()) return;
    if (!seen.insert(key).second) defect_ = "the attribute " + key + " stands twice";
    if (!take("=\"")) {
      defect_ = "the attribute " + key + " is not quoted";
      return;
    }
    const std::size_t end = rest_.find('"');
    const std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (value.find('<') != std::string::npos) defect_ = "a < in the attribute " + key;
    text(value);
    if (key.starts_with("on")) defect_ = "the attribute " + key + " holds a script";
    if (key == "id" && !ids_.insert(value).second) defect_ = "the id " + value + " stands twice";
    const bool is_reference = key == "src" || key == "href" || key == "srcset" || key == "action" || key == "poster";
    if (!is_reference) return;
    if (value.starts_with("#"))
      links_.push_back(value.substr(1));
    else if (!value.starts_with("data:image/png;base64,"))
      defect_ = "fetches " + value;
  }

  void open() {
    const std::string tag = name();
    std::set<std::string> seen;
    while (defect_.empty()) {
      if (take(" ")) continue;
      if (take("/>")) return;
      if (take(">")) break;
      attribute(seen);
    }
    if (tag == "link" || tag == "iframe" || tag == "object" || tag == "embed")
      defect_ = "<" + tag + "> fetches something";
    if (tag == "meta" || tag == "img") return;
    open_.push_back(tag);
    if (tag != "style" && tag != "script") return;
    const std::size_t end = rest_.find("</" + tag + ">");
    const std::string_view code = rest_.substr(0, end);
    for (const char* fetch : {"http:", "https:", "//", "url(", "@import", "fetch(", "XMLHttpRequest", "innerHTML"}) {
      if (code.find(fetch) != std::string_view::npos) defect_ = std::string("the ") + tag + " holds " + fetch;
    }
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
  }

  void close() {
    const std::string tag = name();
    if (!defect_.empty()) return;
    if (open_.empty() || open_.back() != tag)
      defect_ = "</" + tag + "> closes " + (open_.empty() ? "nothing" : "<" + open_.back() + ">");
    else
      open_.pop_back();
    if (!take(">") && defect_.empty()) defect_ = "</" + tag + " has no >";
  }

  std::string_view rest_;
  std::string defect_;
  std::vector<std::string> open_;
  std::set<std::string> ids_;
  std::vector<std::string> links_;
};

}  // namespace

std::string first_defect(std::string_view html) { return Checker(html).run(); }

}  // namespace coppice
