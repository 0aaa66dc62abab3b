// Text and numbers as the report's page holds them.
//
//   html += fmt::format("<td>{}</td><td>{}</td>", escaped(label), significant(milliseconds));
#pragma once

#include <string>
#include <string_view>

namespace anemone::bench {

// For content and for attributes in quotes.
std::string escaped(std::string_view text);

// Three significant digits, never as 1e+05: 0.0812, 12.3, 1230.
std::string significant(double value);

// 1.5 GiB, 32 KiB; of bytes.
std::string binary_size(double bytes);

// All of the page's style. Colours c0 to c5 are those of the files, in light and dark, told apart by people who see
// red and green alike.
std::string_view report_style();

}  // namespace anemone::bench
