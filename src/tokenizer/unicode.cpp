#include "tokenizer/unicode.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using base::require;

const icu::Normalizer2& nfc() {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* instance = icu::Normalizer2::getNFCInstance(status);
  require(U_SUCCESS(status), ErrorCode::internal, "ICU has no NFC data: ", u_errorName(status));
  return *instance;
}

char32_t at(const icu::UnicodeString& text, std::int32_t index) {
  return static_cast<char32_t>(text.char32At(index));
}

std::u32string decomposed(std::u32string_view text, const icu::Normalizer2& normalizer) {
  std::u32string out;
  out.reserve(text.size());
  icu::UnicodeString parts;
  for (const char32_t code : text) {
    if (!normalizer.getDecomposition(static_cast<UChar32>(code), parts)) {
      out.push_back(code);
      continue;
    }
    for (std::int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1))
      out.push_back(at(parts, i));
  }
  return out;
}

// ICU inserts marks one by one, which is quadratic in a long run of them; so they come to it in
// canonical order.
void order_marks(std::u32string& text) {
  const auto mark_class = [](char32_t c) { return u_getCombiningClass(static_cast<UChar32>(c)); };
  for (auto it = text.begin(); it != text.end();) {
    if (mark_class(*it) == 0) {
      ++it;
      continue;
    }
    const auto end = std::find_if(it, text.end(), [&](char32_t c) { return mark_class(c) == 0; });
    std::stable_sort(it, end,
                     [&](char32_t a, char32_t b) { return mark_class(a) < mark_class(b); });
    it = end;
  }
}

std::u32string composed(std::u32string_view text) {
  constexpr char32_t first_that_changes = 0x300;
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < first_that_changes; })) {
    return std::u32string(text);
  }
  std::u32string parts = decomposed(text, nfc());
  order_marks(parts);
  const auto units = icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(parts.data()),
                                                   static_cast<std::int32_t>(parts.size()));
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString whole = nfc().normalize(units, status);
  require(U_SUCCESS(status), ErrorCode::internal, "ICU cannot normalize: ", u_errorName(status));
  std::u32string out;
  out.reserve(parts.size());
  for (std::int32_t i = 0; i < whole.length(); i = whole.moveIndex32(i, 1))
    out.push_back(at(whole, i));
  return out;
}

bool in_category(char32_t code, std::uint32_t mask) {
  return (U_GET_GC_MASK(static_cast<UChar32>(code)) & mask) != 0;
}

}  // namespace

std::u32string decode_utf8(std::string_view utf8, std::string_view what) {
  std::u32string out;
  out.reserve(utf8.size());
  const auto size = static_cast<std::int64_t>(utf8.size());
  for (std::int64_t i = 0; i < size;) {
    const std::int64_t start = i;
    UChar32 code = 0;
    U8_NEXT(reinterpret_cast<const std::uint8_t*>(utf8.data()), i, size, code);
    require(code >= 0, ErrorCode::invalid_argument, what, " is not valid UTF-8 at byte ", start);
    out.push_back(static_cast<char32_t>(code));
  }
  return out;
}

void append_utf8(std::string& out, char32_t code) {
  std::uint8_t bytes[U8_MAX_LENGTH];
  std::int32_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, static_cast<std::uint32_t>(code));
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  for (const char32_t code : text) append_utf8(out, code);
  return out;
}

std::u32string normalize(std::u32string_view text) {
  std::u32string out;
  for (const char32_t code : composed(text)) {
    constexpr char32_t capital_i_with_dot = 0x130;  // the one code point whose lower case is two
    if (is_space(code)) {
      if (out.empty() || out.back() != U' ') out.push_back(U' ');
    } else if (code == capital_i_with_dot) {
      out += U"i\u0307";
    } else {
      out.push_back(static_cast<char32_t>(u_tolower(static_cast<UChar32>(code))));
    }
  }
  return out;
}

bool is_space(char32_t code) {
  return u_isUWhiteSpace(static_cast<UChar32>(code)) != 0;
}

bool is_letter(char32_t code) {
  return in_category(code, U_GC_L_MASK);
}

bool is_number(char32_t code) {
  return in_category(code, U_GC_N_MASK);
}

bool is_word(char32_t code) {
  return u_isUAlphabetic(static_cast<UChar32>(code)) ||
         in_category(code, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) ||
         u_hasBinaryProperty(static_cast<UChar32>(code), UCHAR_JOIN_CONTROL) != 0;
}

}  // namespace streamdiffusion::tokenizer
