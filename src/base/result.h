// Errors as values.
//
//   Result<int> parse_port(std::string_view text) {
//     int port = TRY(parse_int(text));                    // passes an error up unchanged
//     if (port > 65535) return fail("port {} is too large: give one up to 65535", port);
//     return port;
//   }
//
// A message says what, where and what to do, without a leading capital or a final full stop; it is made where the
// facts are and printed once, at the top. Nothing in the library prints, throws or exits.
#pragma once

#include <fmt/core.h>

#include <string>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace anemone {

struct Error {
  std::string message;
};

template <class T = void>
using Result = tl::expected<T, Error>;

template <class... Args>
tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...)});
}

namespace internal {
template <class T>
T take(Result<T>& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace internal

}  // namespace anemone

// The value of a Result; where it holds an error, the enclosing function returns that error. It stands first within the
// braces of an aggregate or not at all: compilers leak the members that stand before it when it returns.
#define TRY(...)                                                                             \
  ({                                                                                         \
    auto try_result = (__VA_ARGS__);                                                         \
    if (!try_result) return tl::unexpected<::anemone::Error>(std::move(try_result).error()); \
    ::anemone::internal::take(try_result);                                                   \
  })
