// The UNet's program for a fixed number of rows, each a seat for a row of any session. A session
// keeps its own state: what its programs of schedule and prompt computed, and its latents. A call
// copies these to its seats, and what was computed ahead only where it changed since the same row
// last sat there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "session/program.h"

namespace streamdiffusion::session {

/// What a call has to know of where a session's rows lie.
struct RowPieces {
  explicit RowPieces(const backend::Executable& unet);

  /// By row of the session's program, or by seat.
  std::vector<std::vector<backend::Extent>> of_schedule, of_prompt;
  int rows() const { return static_cast<int>(of_schedule.size()); }
};

/// A session's rows, as they stand.
struct BroughtRows {
  const Program& unet;
  RowPieces pieces;
  /// Of the session, never used twice.
  std::uint64_t owner = 0;
  /// Changed whenever the values of the program of that lifetime change.
  std::uint64_t schedule_version = 0, prompt_version = 0;
  /// By row: its seat in the call that it is in, or -1.
  std::vector<int> seats = {};
};

class SeatedProgram {
 public:
  explicit SeatedProgram(SharedExecutable unet);

  int seats() const { return pieces_.rows(); }
  /// Begins a call: nobody sits.
  void begin();
  /// Gives every row a seat, the one that it had before where that is free, and copies what the
  /// call reads. There must be enough seats. Allocates nothing. Returns the bytes copied of what
  /// was computed ahead.
  std::size_t enter(BroughtRows& rows);
  void run(backend::Pause* pause);
  /// Copies the predictions of the rows back to the session's own state.
  void leave(const BroughtRows& rows) const;

 private:
  struct Seat {
    std::uint64_t owner = 0, schedule_version = 0, prompt_version = 0;
    int row = 0;
    bool taken = false;
  };
  int seat_for(std::uint64_t owner, int row) const;
  std::size_t fill(std::size_t seat, const BroughtRows& rows, std::size_t row);
  std::size_t copy(std::span<const backend::Extent> to, const BroughtRows& rows,
                   std::span<const backend::Extent> pieces) const;

  Program unet_;
  RowPieces pieces_;
  std::vector<std::string> inputs_;
  std::vector<Seat> seats_;
};

}  // namespace streamdiffusion::session
