#include "core/extensions.h"

#include <gtest/gtest.h>

#include "core/config_docs.h"
#include "core/config_yaml.h"
#include "core/error.h"

namespace coppice {
namespace {

class Shape {
 public:
  using Interface = Shape;
  virtual ~Shape() = default;
  virtual void visit(FieldVisitor&) {}
  virtual double area() const = 0;
};

struct Square final : Shape {
  double side = 1.0;
  void visit(FieldVisitor& v) override { v.field("side", side, "of the square", above(0.0)); }
  double area() const override { return side * side; }
};

struct Unit final : Shape {
  double area() const override { return 1.0; }
};

struct Disc {
  static constexpr const char* kName = "disc";
  double radius = 1.0;
  void visit(FieldVisitor& v) { v.field("radius", radius, "of the disc", above(0.0)); }
};

// A member that is a text: even numbers.
struct Even {
  static constexpr const char* kName = "text";
  std::string digits = "2";
  bool take(const std::string& text) {
    digits = text;
    return !text.empty() && (text.back() - '0') % 2 == 0 && text.find_first_not_of("0123456789") == std::string::npos;
  }
  const std::string& text() const { return digits; }
  static std::vector<std::string> forms() { return {"an even number"}; }
  void visit(FieldVisitor&) {}
};

using ShapeConfig = std::variant<Disc, Custom<Shape>>;

struct Config {
  ShapeConfig shape;
  std::vector<ShapeConfig> more;
  std::variant<Even, Custom<Shape>> text_or_shape;
  void visit(FieldVisitor& v) {
    v.variant("shape", shape, "a shape");
    v.list("more", more, "further shapes");
    v.variant("text_or_shape", text_or_shape, "a text or a shape");
  }
};

Extensions shapes() {
  Extensions extensions;
  extensions.add<Square>("square").add<Unit>("unit");
  return extensions;
}

Config parsed(const std::string& text, const Extensions& extensions = shapes(), const std::vector<std::string>& overrides = {}) {
  Config config;
  read_yaml_text("a.yaml", text, overrides, [&](FieldVisitor& v) { config.visit(v); }, extensions);
  return config;
}

double area_of(const ShapeConfig& config) { return std::get<Custom<Shape>>(config)->area(); }

template <class Act>
std::string refusal(const Act& act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

TEST(Extensions, AreReadAsBuiltInChoicesAre) {
  EXPECT_EQ(area_of(parsed("shape: square").shape), 1.0);
  EXPECT_EQ(area_of(parsed("shape: {kind: square, side: 3}").shape), 9.0);
  EXPECT_EQ(area_of(parsed("shape: square", shapes(), {"shape.side=2"}).shape), 4.0);
  const Config config = parsed("more: [unit, square: {side: 2}, disc: {radius: 3}, square: {side: 5}]");
  ASSERT_EQ(config.more.size(), 4U);
  EXPECT_EQ(area_of(config.more[1]), 4.0);
  EXPECT_EQ(std::get<Disc>(config.more[2]).radius, 3.0);
  EXPECT_EQ(area_of(config.more[3]), 25.0);
}

TEST(Extensions, ThePrototypeHasTheDefaults) {
  Extensions extensions;
  Square large;
  large.side = 10.0;
  extensions.add("large", large);
  EXPECT_EQ(area_of(parsed("shape: large", extensions).shape), 100.0);
}

TEST(Extensions, SlipsAreNamed) {
  EXPECT_EQ(refusal([] { parsed("shape: sqare"); }),
            "a.yaml: shape: found 'sqare' (line 1); expected one of: disc, square, unit (did you mean 'square'?)");
  EXPECT_EQ(refusal([] { parsed("shape: {kind: square, sied: 2}"); }),
            "a.yaml: shape.sied: found an unknown key of 'square' (line 1); expected one of: kind, side (did you mean 'side'?)");
  EXPECT_NE(refusal([] { parsed("shape: {kind: square, side: 0}"); }).find("expected a number > 0"), std::string::npos);
  EXPECT_EQ(refusal([] { parsed("shape: square", {}); }), "a.yaml: shape: found 'square' (line 1); expected disc");
}

TEST(Extensions, AreWrittenWithoutBeingAtHand) {
  const std::string text = write_config(parsed("shape: {kind: square, side: 3}\nmore: [unit, square: {side: 2}]"));
  EXPECT_NE(text.find("shape:\n  kind: square\n  side: 3\n"), std::string::npos) << text;
  const Config back = parsed(text);
  EXPECT_EQ(area_of(back.shape), 9.0);
  EXPECT_EQ(area_of(back.more.at(1)), 4.0);
  EXPECT_EQ(write_config(back), text);
}

TEST(Extensions, CopiesAreTheirOwn) {
  Config config = parsed("shape: {kind: square, side: 3}");
  const Config before = config;
  read_yaml_text("b.yaml", "shape: {kind: square, side: 4}", {}, [&](FieldVisitor& v) { config.visit(v); }, shapes());
  EXPECT_EQ(area_of(before.shape), 9.0);
  EXPECT_EQ(area_of(config.shape), 16.0);
}

TEST(Extensions, StandInTheReference) {
  Config config;
  const std::string table = write_markdown([&](FieldVisitor& v) { config.visit(v); }, shapes());
  EXPECT_NE(table.find("| `shape` |  | kind: disc, square, unit | `disc` |"), std::string::npos) << table;
  EXPECT_NE(table.find("| `shape.side` | `shape: square` | number > 0 | `1` |"), std::string::npos) << table;
}

TEST(Extensions, ATextMayStandInsteadOfAName) {
  EXPECT_EQ(std::get<Even>(parsed("text_or_shape: 14").text_or_shape).digits, "14");
  EXPECT_EQ(std::get<Custom<Shape>>(parsed("text_or_shape: {kind: square, side: 2}").text_or_shape)->area(), 4.0);
  EXPECT_EQ(std::get<Custom<Shape>>(parsed("text_or_shape: unit").text_or_shape)->area(), 1.0);
  EXPECT_EQ(refusal([] { parsed("text_or_shape: 15"); }),
            "a.yaml: text_or_shape: found '15' (line 1); expected one of: an even number, square, unit");
  const std::string text = write_config(parsed("text_or_shape: 14"));
  EXPECT_NE(text.find("text_or_shape: \"14\"\n"), std::string::npos) << text;
  EXPECT_EQ(write_config(parsed(text)), text);
}

TEST(Extensions, NamesAreCheckedAndUnique) {
  Extensions extensions = shapes();
  for (const char* name : {"", "Square", "my shape", "1st", "a.b"}) {
    EXPECT_NE(refusal([&] { extensions.add<Unit>(name); }).find("expected a name of a-z"), std::string::npos) << name;
  }
  EXPECT_EQ(refusal([&] { extensions.add<Unit>("square"); }), "extension 'square': found two of this name and kind; expected one");
  extensions.add<Unit>("disc");
  EXPECT_EQ(refusal([&] { parsed("shape: unit", extensions); }),
            "extension 'disc': found a built-in choice of this name; expected another");
}

}  // namespace
}  // namespace coppice
