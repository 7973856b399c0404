#include "backend/cpu/conv/cut_lines.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace streamdiffusion::backend::cpu {
namespace {

using Cut = std::vector<std::vector<Segment>>;
/// Of one line: an order for each call of its tile.
using Orders = std::vector<std::uint64_t>;

Cut even_cut(const Lines& lines, int workers) {
  Cut cut;
  for (int w = 0; w < workers; ++w) {
    std::vector<Segment>& mine = cut.emplace_back();
    for (const Segment& whole : segments(lines.rows, lines.a_row, w, workers)) {
      const std::vector<Segment> parts = tiles(whole, lines.most);
      mine.insert(mine.end(), parts.begin(), parts.end());
    }
  }
  return cut;
}

/// Each row as a row alone is cut for `team` workers.
Cut cut_alike(const Lines& lines, int workers, int team) {
  const Tokens rows{lines.rows, lines.a_row, team};
  Cut cut;
  for (int w = 0; w < workers; ++w) {
    std::vector<Segment>& mine = cut.emplace_back();
    for (const Share& part : rows.parts(w, workers, lines.most)) {
      const std::int64_t row = part.begin / lines.a_row, begin = part.begin % lines.a_row;
      mine.push_back({row, begin, begin + part.size()});
    }
  }
  return cut;
}

/// By line of the tile.
std::vector<Orders> orders_of(const Segment& tile, const CallsOfTile& calls, LineOrders& orders) {
  std::vector<Orders> lines(static_cast<std::size_t>(tile.end - tile.begin));
  for (const ConvolutionCall& call : calls(tile)) {
    const Orders of_call = orders.of(call);
    for (std::size_t i = 0; i < lines.size(); ++i) lines[i].push_back(of_call[i]);
  }
  return lines;
}

/// Whether the tiles of `cut` round every line of a row as those of `alone` do.
bool rounds_alike(const Cut& cut, const Cut& alone, const CallsOfTile& calls, Staging& staging) {
  LineOrders orders(staging);
  std::vector<Orders> expected;
  for (const auto& of_worker : alone) {
    for (const Segment& tile : of_worker)
      std::ranges::move(orders_of(tile, calls, orders), std::back_inserter(expected));
  }
  const auto is_alike = [&](const Segment& tile) {
    const std::vector<Orders> found = orders_of(tile, calls, orders);
    return std::equal(found.begin(), found.end(), expected.begin() + tile.begin);
  };
  return std::ranges::all_of(cut, [&](const std::vector<Segment>& of_worker) {
    return std::ranges::all_of(of_worker, is_alike);
  });
}

}  // namespace

std::vector<std::vector<Segment>> cut_lines(const Lines& lines, const KernelContext& context,
                                            const CallsOfTile& calls) {
  Cut even = even_cut(lines, context.workers);
  if (!calls || (lines.rows == 1 && context.workers == context.team)) return even;
  const Cut alone = even_cut({1, lines.a_row, lines.most}, context.team);
  if (rounds_alike(even, alone, calls, context.staging)) return even;
  return cut_alike(lines, context.workers, context.team);
}

}  // namespace streamdiffusion::backend::cpu
