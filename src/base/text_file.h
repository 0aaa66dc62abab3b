// A text file of the source tree that is compiled in (cmake/embed.cmake): nothing of it is read at run time.
#pragma once

#include <span>
#include <string_view>

namespace anemone {

struct TextFile {
  std::string_view name;  // without folder and extension
  std::string_view text;
};

}  // namespace anemone
