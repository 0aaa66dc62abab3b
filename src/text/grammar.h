// A grammar that remembers: what a story has once said of somebody stays so until its end.
//
//   Grammar grammar = Grammar::parse(R"(
//   story
//     {hero} had a {toy}. {Hero.he} (loved|liked) to {toy.use}. <ending>
//   hero
//     Lily :: he=she
//     Tom :: he=he
//   toy
//     red kite :: use=fly it
//   ending
//     They were happy.
//   )");
//   Random random(42);
//   std::string text = grammar.expand("story", random);   // "Lily had a red kite. She loved to fly it. They were
//   happy."
//
// A rule is a name and, indented by two, its alternatives; lines indented deeper continue one. In an alternative
//   <rule>       is a fresh expansion of the rule,
//   {rule}       the one expansion that this text keeps: the same wherever it stands, and never the same alternative as
//                another kept rule has taken,
//   {rule.key}   a property of that kept alternative (after `::`, `key=value; …`, expanded where it is used); the
//   rule's
//                own properties serve where the alternative has none, and an alternative that is another rule alone
//                passes that rule's properties on,
//   (a|b|c)      one of the pieces,
// and a capital in {Rule} or {Rule.key} makes the first letter a capital. Lines that open with # are comments.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace anemone::text {

class Grammar {
 public:
  using Properties = std::map<std::string, std::string, std::less<>>;

  struct Alternative {
    std::string text;
    Properties properties;
  };

  struct Rule {
    Properties properties;
    std::vector<Alternative> alternatives;
  };

  // The text is ours: a mistake in it breaks an invariant.
  static Grammar parse(std::string_view text);

  // The same random numbers give the same text.
  std::string expand(std::string_view rule, Random& random) const;

  const Rule& rule(std::string_view name) const;
  const std::map<std::string, Rule, std::less<>>& rules() const { return rules_; }

 private:
  std::map<std::string, Rule, std::less<>> rules_;
};

}  // namespace anemone::text
