// Text from a log or a model, made fit for a screen.
#pragma once

#include <string>
#include <string_view>

namespace anemone::dashboard {

// Well-formed UTF-8 of one line: control characters (escape sequences with them) become spaces, as do characters that
// turn the direction of text or take no place; what is not UTF-8 becomes U+FFFD.
std::string printable(std::string_view text);
// The same of several lines: '\n' stays.
std::string printable_lines(std::string_view text);

}  // namespace anemone::dashboard
