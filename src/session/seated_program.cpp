#include "session/seated_program.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::session {

using graph::Lifetime;

RowPieces::RowPieces(const backend::Executable& unet)
    : of_schedule(unet.hoisted_rows(Lifetime::per_schedule)),
      of_prompt(unet.hoisted_rows(Lifetime::per_prompt)) {}

SeatedProgram::SeatedProgram(SharedExecutable unet)
    : unet_(std::move(unet)),
      pieces_(*unet_.executable),
      inputs_(unet_.executable->frame_inputs()),
      seats_(static_cast<std::size_t>(pieces_.rows())) {}

void SeatedProgram::begin() {
  for (Seat& seat : seats_) seat.taken = false;
}

/// The seat that the row had before, or else the first that nobody has had, or any.
int SeatedProgram::seat_for(std::uint64_t owner, int row) const {
  int best = -1, best_rank = 0;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const Seat& seat = seats_[i];
    if (seat.taken) continue;
    const bool same = seat.owner == owner && seat.row == row;
    const int rank = same ? 3 : seat.owner == 0 ? 2 : 1;
    if (rank <= best_rank) continue;
    best = static_cast<int>(i);
    best_rank = rank;
  }
  return best;
}

std::size_t SeatedProgram::enter(BroughtRows& rows) {
  std::size_t copied = 0;
  for (std::size_t row = 0; row < rows.seats.size(); ++row) {
    const int seat = seat_for(rows.owner, static_cast<int>(row));
    base::require(seat >= 0, base::ErrorCode::internal, "more rows than the ", seats(),
                  " seats of a call");
    rows.seats[row] = seat;
    copied += fill(static_cast<std::size_t>(seat), rows, row);
  }
  return copied;
}

std::size_t SeatedProgram::fill(std::size_t index, const BroughtRows& rows, std::size_t row) {
  Seat& seat = seats_[index];
  const bool same = seat.owner == rows.owner && seat.row == static_cast<int>(row);
  // Until both are copied the seat is nobody's: a copy that fails leaves no false claim.
  const Seat before = std::exchange(seat, Seat{.taken = true});
  std::size_t copied = 0;
  if (!same || before.schedule_version != rows.schedule_version)
    copied += copy(pieces_.of_schedule[index], rows, rows.pieces.of_schedule[row]);
  if (!same || before.prompt_version != rows.prompt_version)
    copied += copy(pieces_.of_prompt[index], rows, rows.pieces.of_prompt[row]);
  for (const std::string& name : inputs_) {
    const tensor::View to = unet_.state->input(name).rows(static_cast<std::int64_t>(index), 1);
    const tensor::View from = rows.unet.state->input(name).rows(static_cast<std::int64_t>(row), 1);
    std::memcpy(to.data, from.data, to.desc.bytes());
  }
  seat = {rows.owner, rows.schedule_version, rows.prompt_version, static_cast<int>(row), true};
  return copied;
}

std::size_t SeatedProgram::copy(std::span<const backend::Extent> to, const BroughtRows& rows,
                                std::span<const backend::Extent> pieces) const {
  unet_.state->copy(to, *rows.unet.state, pieces);
  return std::transform_reduce(to.begin(), to.end(), std::size_t{0}, std::plus<>(),
                               [](const backend::Extent& piece) { return piece.bytes; });
}

void SeatedProgram::run(backend::Pause* pause) {
  unet_.executable->run(Lifetime::per_frame, *unet_.state, pause);
}

void SeatedProgram::leave(const BroughtRows& rows) const {
  const tensor::View from = unet_.state->output("prediction"),
                     to = rows.unet.state->output("prediction");
  for (std::size_t row = 0; row < rows.seats.size(); ++row) {
    const tensor::View mine = from.rows(rows.seats[row], 1);
    std::memcpy(to.rows(static_cast<std::int64_t>(row), 1).data, mine.data, mine.desc.bytes());
  }
}

}  // namespace streamdiffusion::session
