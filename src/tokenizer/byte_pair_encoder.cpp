// Merging with a heap over a linked list of symbols.
#include "tokenizer/byte_pair_encoder.h"

#include <functional>
#include <queue>
#include <tuple>

#include "base/error.h"
#include "json/quote.h"
#include "tokenizer/unicode.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using base::fail;
using json::quote;

constexpr std::string_view kEndOfWord = "</w>";

// GPT-2's bytes_to_unicode: a printable character for each byte.
std::array<char32_t, 256> bytes_to_unicode() {
  std::array<char32_t, 256> out{};
  char32_t next = 256;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    out[byte] = printable ? static_cast<char32_t>(byte) : next++;
  }
  return out;
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(left) << 32U | static_cast<std::uint32_t>(right);
}

std::int32_t id_of(const Vocabulary& vocabulary, const std::string& token, std::size_t merge,
                   const std::string& file) {
  const auto at = vocabulary.find(token);
  if (at != vocabulary.end()) return at->second;
  fail(ErrorCode::corrupt_file, file, ": merge ", merge, " needs token ", quote(token),
       ", which is not in the vocabulary");
}

// A symbol of the word being merged. The word is a doubly linked list inside an array.
struct Symbol {
  std::int32_t id;
  std::int32_t previous;
  std::int32_t next;
  bool alive;
};

struct Candidate {
  std::int32_t rank;
  std::int32_t left;    // index of the left symbol
  std::int32_t result;  // token id of the merged pair
  bool operator>(const Candidate& o) const {
    return std::tie(rank, left) > std::tie(o.rank, o.left);
  }
};

}  // namespace

BytePairEncoder::BytePairEncoder(const Vocabulary& vocabulary, const Merges& merges,
                                 std::string_view unknown, const std::string& file) {
  const auto unknown_at = vocabulary.find(std::string(unknown));
  const auto letters = bytes_to_unicode();
  const auto symbol = [&](const std::string& token) -> std::int32_t {
    const auto at = vocabulary.find(token);
    if (at != vocabulary.end()) return at->second;
    if (unknown_at != vocabulary.end()) return unknown_at->second;
    fail(ErrorCode::corrupt_file, file, ": byte symbol ", quote(token),
         " is missing, and so is the unknown token ", quote(unknown));
  };
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::string letter;
    append_utf8(letter, letters[byte]);
    byte_ids_[byte] = symbol(letter);
    final_byte_ids_[byte] = symbol(letter.append(kEndOfWord));
  }
  merges_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const std::int32_t left_id = id_of(vocabulary, left, rank, file);
    const std::int32_t right_id = id_of(vocabulary, right, rank, file);
    const MergeRule rule{static_cast<std::int32_t>(rank),
                         id_of(vocabulary, left + right, rank, file)};
    if (merges_.try_emplace(pair_key(left_id, right_id), rule).second) continue;
    fail(ErrorCode::corrupt_file, file, ": merge ", rank, " of ", quote(left), " and ",
         quote(right), " appears twice");
  }
}

void BytePairEncoder::encode(std::string_view word, std::vector<std::int32_t>& out) const {
  const auto count = static_cast<std::int32_t>(word.size());
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (std::int32_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(word[static_cast<std::size_t>(i)]);
    const bool last = i + 1 == count;
    symbols.push_back(
        {last ? final_byte_ids_[byte] : byte_ids_[byte], i - 1, last ? -1 : i + 1, true});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](std::int32_t left) {
    if (left < 0 || symbols[left].next < 0) return;
    const auto at = merges_.find(pair_key(symbols[left].id, symbols[symbols[left].next].id));
    if (at != merges_.end()) queue.push({at->second.rank, left, at->second.result});
  };
  for (std::int32_t i = 0; i + 1 < count; ++i) consider(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.left];
    if (!left.alive || left.next < 0) continue;
    Symbol& right = symbols[left.next];
    const auto at = merges_.find(pair_key(left.id, right.id));
    // The pair may have changed since this candidate was queued.
    if (at == merges_.end() || at->second.result != best.result) continue;
    right.alive = false;
    left.id = best.result;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.left;
    consider(left.previous);
    consider(best.left);
  }
  for (std::int32_t i = 0; i >= 0 && i < count; i = symbols[i].next) out.push_back(symbols[i].id);
}

}  // namespace streamdiffusion::tokenizer
