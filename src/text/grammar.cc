#include "text/grammar.h"

#include <cctype>
#include <cstdio>
#include <set>

#include "base/check.h"

namespace anemone::text {
namespace {

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

// Cuts `rest` at the first `mark` and returns what stood before it.
std::string_view cut(std::string_view& rest, std::string_view mark) {
  const size_t at = rest.find(mark);
  const std::string_view before = rest.substr(0, at);
  rest = at == rest.npos ? std::string_view() : rest.substr(at + mark.size());
  return before;
}

Grammar::Properties parse_properties(std::string_view text) {
  Grammar::Properties properties;
  while (!trim(text).empty()) {
    std::string_view value = cut(text, ";");
    const std::string_view key = trim(cut(value, "="));
    CHECK(!key.empty());
    properties.emplace(key, trim(value));
  }
  return properties;
}

Grammar::Alternative parse_alternative(std::string_view line) {
  const std::string_view text = trim(cut(line, "::"));
  return {std::string(text), parse_properties(line)};
}

// The end of the bracket that opens at `begin`, of a kind that nests.
size_t matching(std::string_view text, size_t begin) {
  int depth = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i;
  }
  CHECK(false && "a bracket stays open");
  return text.npos;
}

// "a|b(c|d)" → "a", "b(c|d)".
std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') i = matching(text, i);
    if (i < text.size() && text[i] != '|') continue;
    pieces.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return pieces;
}

// One text in the making: what has been chosen so far.
class Expansion {
 public:
  Expansion(const Grammar& grammar, Random& random) : grammar_(grammar), random_(random) {}

  std::string rule(std::string_view name) {
    const auto& alternatives = grammar_.rule(name).alternatives;
    return expand(alternatives[random_.below(alternatives.size())].text);
  }

 private:
  struct Kept {
    std::string text;
    Grammar::Properties properties;
  };

  // A walk from a rule to the alternative it ends at, and the properties met on the way (the deepest win).
  struct Choice {
    const Grammar::Alternative* leaf;
    Grammar::Properties properties;
  };

  std::string expand(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
      if (std::string_view("<{(").find(text[i]) == std::string_view::npos) {
        result += text[i];
        continue;
      }
      const size_t end = text[i] == '(' ? matching(text, i) : text.find(text[i] == '<' ? '>' : '}', i);
      CHECK(end != text.npos);
      result += expand_bracket(text[i], text.substr(i + 1, end - i - 1));
      i = end;
    }
    return result;
  }

  std::string expand_bracket(char kind, std::string_view inner) {
    if (kind == '<') return rule(inner);
    if (kind == '{') return reference(inner);
    const auto pieces = pieces_of(inner);
    return expand(pieces[random_.below(pieces.size())]);
  }

  std::string reference(std::string_view inner) {
    std::string name(cut(inner, "."));
    const bool capital = std::isupper(static_cast<unsigned char>(name[0]));
    name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
    std::string text = inner.empty() ? kept(name).text : property(name, inner);
    if (capital) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text;
  }

  std::string property(const std::string& name, std::string_view key) {
    const auto& properties = kept(name).properties;
    const auto found = properties.find(key);
    CHECK(found != properties.end());
    return expand(found->second);
  }

  const Kept& kept(const std::string& name) {
    const auto found = kept_.find(name);
    if (found != kept_.end()) return found->second;
    Choice choice = choose(name);
    while (taken_.contains(choice.leaf)) choice = choose(name);
    taken_.insert(choice.leaf);
    return kept_[name] = {expand(choice.leaf->text), std::move(choice.properties)};
  }

  Choice choose(std::string_view name) {
    const Grammar::Rule& rule = grammar_.rule(name);
    const Grammar::Alternative& alternative = rule.alternatives[random_.below(rule.alternatives.size())];
    const std::string_view text = alternative.text;
    const bool passes_on = text.starts_with('<') && text.find('>') == text.size() - 1;
    Choice choice = passes_on ? choose(text.substr(1, text.size() - 2)) : Choice{&alternative, {}};
    choice.properties.insert(alternative.properties.begin(), alternative.properties.end());
    choice.properties.insert(rule.properties.begin(), rule.properties.end());
    return choice;
  }

  const Grammar& grammar_;
  Random& random_;
  std::map<std::string, Kept> kept_;
  std::set<const Grammar::Alternative*> taken_;
};

}  // namespace

Grammar Grammar::parse(std::string_view text) {
  Grammar grammar;
  Rule* rule = nullptr;
  std::string line;  // an alternative, until the line after it shows that it has ended
  const auto end_alternative = [&] {
    if (!line.empty()) rule->alternatives.push_back(parse_alternative(line));
    line.clear();
  };
  while (!text.empty()) {
    const std::string_view next = cut(text, "\n");
    if (trim(next).empty() || next[0] == '#') continue;
    const size_t indent = next.find_first_not_of(' ');
    if (indent > 2) {
      CHECK(!line.empty());
      line.append(" ").append(trim(next));
      continue;
    }
    end_alternative();
    if (indent == 2) {
      CHECK(rule != nullptr);
      line = trim(next);
      continue;
    }
    const Alternative head = parse_alternative(next);
    const auto [added, is_new] = grammar.rules_.emplace(head.text, Rule{head.properties, {}});
    CHECK(is_new);
    rule = &added->second;
  }
  end_alternative();
  return grammar;
}

const Grammar::Rule& Grammar::rule(std::string_view name) const {
  const auto found = rules_.find(name);
  if (found == rules_.end()) std::fprintf(stderr, "no rule %.*s\n", static_cast<int>(name.size()), name.data());
  CHECK(found != rules_.end());
  return found->second;
}

std::string Grammar::expand(std::string_view rule, Random& random) const { return Expansion(*this, random).rule(rule); }

}  // namespace anemone::text
