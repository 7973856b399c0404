// ICU behind unicode.h.
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

std::u32string decompose(std::u32string_view text, const icu::Normalizer2& normalizer) {
  std::u32string out;
  out.reserve(text.size());
  icu::UnicodeString decomposition;
  for (const char32_t code : text) {
    if (!normalizer.getDecomposition(static_cast<UChar32>(code), decomposition)) {
      out.push_back(code);
      continue;
    }
    for (std::int32_t i = 0; i < decomposition.length(); i = decomposition.moveIndex32(i, 1))
      out.push_back(at(decomposition, i));
  }
  return out;
}

// Puts combining marks into canonical order. ICU would insert them one by one, which is quadratic
// in the length of a run of marks.
void sort_marks(std::u32string& text) {
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

std::u32string normalize_nfc(std::u32string_view text) {
  constexpr char32_t kFirstChangedByNfc = 0x300;
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < kFirstChangedByNfc; })) {
    return std::u32string(text);
  }
  std::u32string decomposition = decompose(text, nfc());
  sort_marks(decomposition);
  const auto units =
      icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(decomposition.data()),
                                    static_cast<std::int32_t>(decomposition.size()));
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString normalized = nfc().normalize(units, status);
  require(U_SUCCESS(status), ErrorCode::internal, "ICU cannot normalize: ", u_errorName(status));
  std::u32string out;
  out.reserve(decomposition.size());
  for (std::int32_t i = 0; i < normalized.length(); i = normalized.moveIndex32(i, 1))
    out.push_back(at(normalized, i));
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
  for (const char32_t code : normalize_nfc(text)) {
    constexpr char32_t kCapitalIWithDot = 0x130;  // the only code point whose lower case is two
    if (is_space(code)) {
      if (out.empty() || out.back() != U' ') out.push_back(U' ');
    } else if (code == kCapitalIWithDot) {
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
