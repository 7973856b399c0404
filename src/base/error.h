// Raises the library's one exception type with a message joined from its parts.
#pragma once

#include <array>
#include <concepts>
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>

#include "streamdiffusion/error.h"

namespace streamdiffusion::base {

using streamdiffusion::Error;
using streamdiffusion::ErrorCode;
using streamdiffusion::to_string;

/// A list inside a message, an entry a line. The only line ends that messages have: those in texts
/// from outside become bytes (printable()), these stay.
class MessageLines {
 public:
  /// `line` is made printable. `indent` spaces stand before it, two or more.
  void add(std::string_view line, std::size_t indent = 2);
  void add(const MessageLines& lines) { text_ += lines.text_; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// One part of a message: a text, a character or a number. Numbers read as std::ostream prints them
/// by default: integers in decimal, floating-point numbers with six significant digits, bools as 0
/// or 1. The part refers to the text it was made from.
class MessagePart {
 public:
  MessagePart(std::string_view text) : text_(text) {}    // NOLINT: meant to be implicit
  MessagePart(const std::string& text) : text_(text) {}  // NOLINT
  MessagePart(const char* text) : text_(text) {}         // NOLINT
  MessagePart(const MessageLines& lines) : text_(lines.text()), is_message_(true) {}  // NOLINT
  MessagePart(const Error& error) : text_(error.what()), is_message_(true) {}         // NOLINT
  MessagePart(char character) : digits_{character}, text_(digits_.data(), 1) {}       // NOLINT
  template <std::signed_integral T>
  MessagePart(T value) {  // NOLINT
    set(static_cast<long long>(value));
  }
  template <std::unsigned_integral T>
  MessagePart(T value) {  // NOLINT
    set(static_cast<unsigned long long>(value));
  }
  template <std::floating_point T>
  MessagePart(T value) {  // NOLINT
    set(static_cast<double>(value));
  }
  MessagePart(const MessagePart&) = delete;
  MessagePart& operator=(const MessagePart&) = delete;

  std::string_view text() const { return text_; }
  /// Whether it is printable already, and its line ends are meant.
  bool is_message() const { return is_message_; }

 private:
  void set(long long value);
  void set(unsigned long long value);
  void set(double value);

  std::array<char, 24> digits_{};
  std::string_view text_;
  bool is_message_ = false;
};

/// The parts one after another.
std::string concat_parts(std::initializer_list<MessagePart> parts);
/// The same, and each part printable.
std::string message_of(std::initializer_list<MessagePart> parts);
[[noreturn]] void fail_with(ErrorCode code, std::initializer_list<MessagePart> parts);

/// Joins texts, characters and numbers. No stream is involved, so that the many files that can fail
/// do not compile one.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  return concat_parts({MessagePart(parts)...});
}

/// Throws Error(code) with the joined parts as its message. An error that is passed on with more
/// words is itself a part.
template <typename... Parts>
[[noreturn]] void fail(ErrorCode code, const Parts&... parts) {
  fail_with(code, {MessagePart(parts)...});
}

/// Throws Error(code) with the joined parts unless `condition` holds.
template <typename... Parts>
void require(bool condition, ErrorCode code, const Parts&... parts) {
  if (!condition) fail_with(code, {MessagePart(parts)...});
}

/// What was caught, in words: what() of all but std::bad_alloc. Allocates nothing.
const char* words_of(const std::exception& caught) noexcept;
/// The same as an Error: itself if it is one, else `internal` with its words.
Error error_from(const std::exception& caught);

}  // namespace streamdiffusion::base
