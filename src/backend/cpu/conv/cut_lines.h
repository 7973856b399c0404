// How the lines of a convolution's rows are cut into tiles, so that a row has the same bits in any
// call: whatever the other rows, and however the workers are grouped.
#pragma once

#include <functional>
#include <vector>

#include "backend/cpu/conv/line_orders.h"
#include "backend/cpu/share.h"

namespace streamdiffusion::backend::cpu {

/// Lines of an image for each of some rows; a tile has at most `most`.
struct Lines {
  std::int64_t rows = 1, a_row = 0, most = 0;
};

/// The calls that make a tile of lines [begin, end) of a row. None where no call can be told from
/// another by its sums: in int8, whose sums are exact.
using CallsOfTile = std::function<std::vector<ConvolutionCall>(const Segment& tile)>;

/// By worker: its tiles. Even shares of all lines, if those round every line as in a call of one
/// row and all threads. Else each row is cut as in that call.
std::vector<std::vector<Segment>> cut_lines(const Lines& lines, const KernelContext& context,
                                            const CallsOfTile& calls);

}  // namespace streamdiffusion::backend::cpu
