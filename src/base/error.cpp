// The names of the error codes, as messages and the server show them.
#include "base/error.h"

#include <charconv>
#include <new>

#include "base/printable.h"

namespace streamdiffusion {
namespace base {

void MessagePart::set(long long value) {
  const auto end = std::to_chars(digits_.begin(), digits_.end(), value).ptr;
  text_ = {digits_.data(), static_cast<std::size_t>(end - digits_.data())};
}

void MessagePart::set(unsigned long long value) {
  const auto end = std::to_chars(digits_.begin(), digits_.end(), value).ptr;
  text_ = {digits_.data(), static_cast<std::size_t>(end - digits_.data())};
}

void MessagePart::set(double value) {
  constexpr int kDigits = 6;  // as std::ostream has it by default
  const auto end =
      std::to_chars(digits_.begin(), digits_.end(), value, std::chars_format::general, kDigits).ptr;
  text_ = {digits_.data(), static_cast<std::size_t>(end - digits_.data())};
}

std::string concat_parts(std::initializer_list<MessagePart> parts) {
  std::size_t length = 0;
  for (const MessagePart& part : parts) length += part.text().size();
  std::string joined;
  joined.reserve(length);
  for (const MessagePart& part : parts) joined += part.text();
  return joined;
}

std::string message_of(std::initializer_list<MessagePart> parts) {
  std::string joined;
  for (const MessagePart& part : parts) {
    part.is_message() ? joined += part.text() : joined += printable(part.text());
  }
  return joined;
}

void MessageLines::add(std::string_view line, std::size_t indent) {
  text_ += '\n' + std::string(indent, ' ') + printable(line);
}

void fail_with(ErrorCode code, std::initializer_list<MessagePart> parts) {
  throw Error(code, message_of(parts));
}

const char* words_of(const std::exception& caught) noexcept {
  const bool no_memory = dynamic_cast<const std::bad_alloc*>(&caught) != nullptr;
  return no_memory ? "there is not enough memory" : caught.what();
}

Error error_from(const std::exception& caught) {
  const auto* error = dynamic_cast<const Error*>(&caught);
  return error != nullptr ? *error : Error(ErrorCode::internal, words_of(caught));
}

}  // namespace base

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid argument";
    case ErrorCode::not_found:
      return "not found";
    case ErrorCode::corrupt_file:
      return "corrupt file";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::io:
      return "input/output";
    case ErrorCode::numeric:
      return "numeric";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace streamdiffusion
