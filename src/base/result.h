// Result<T>: a value or an Error, never ignored.
//
//   Result<Foo> MakeFoo();
//   FB_ASSIGN_OR_RETURN(Foo foo, MakeFoo());          // in a plain function
//   FB_CO_ASSIGN_OR_RETURN(Foo foo, co_await Bar());  // in a coroutine
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace forebay {

template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  // Where the caller has just checked the value, `*r`; to pass an error on, `Fail(r)`.
};

// Makes the error side of a Result: `return Fail(Code::kIo, "…")`.
inline std::unexpected<Error> Fail(Code code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}
inline std::unexpected<Error> Fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace forebay

#define FB_CONCAT_INNER(a, b) a##b
#define FB_CONCAT(a, b) FB_CONCAT_INNER(a, b)

// Return the error of `expr`, or go on.
#define FB_RETURN_IF_ERROR(expr)                                              \
  do {                                                                        \
    auto fb_status = (expr);                                                  \
    if (!fb_status) return ::std::unexpected(::std::move(fb_status.error())); \
  } while (false)
#define FB_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr)                \
  auto tmp = (expr);                                            \
  if (!tmp) return ::std::unexpected(::std::move(tmp.error())); \
  lhs = ::std::move(*tmp)
#define FB_ASSIGN_OR_RETURN(lhs, expr) \
  FB_ASSIGN_OR_RETURN_IMPL(FB_CONCAT(fb_result_, __COUNTER__), lhs, expr)

// The same two for coroutines.
#define FB_CO_RETURN_IF_ERROR(expr)                                              \
  do {                                                                           \
    auto fb_status = (expr);                                                     \
    if (!fb_status) co_return ::std::unexpected(::std::move(fb_status.error())); \
  } while (false)
#define FB_CO_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr)                \
  auto tmp = (expr);                                               \
  if (!tmp) co_return ::std::unexpected(::std::move(tmp.error())); \
  lhs = ::std::move(*tmp)
#define FB_CO_ASSIGN_OR_RETURN(lhs, expr) \
  FB_CO_ASSIGN_OR_RETURN_IMPL(FB_CONCAT(fb_result_, __COUNTER__), lhs, expr)
