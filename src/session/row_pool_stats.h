// What the calls over rows of several sessions did.
#pragma once

#include <atomic>
#include <cstdint>

namespace streamdiffusion::session {

struct RowPoolStats {
  /// Calls with rows of at least two sessions, the rows in them, and the sessions.
  std::atomic<std::uint64_t> calls = 0, rows = 0, sessions = 0;
  /// Seats of those calls that were empty.
  std::atomic<std::uint64_t> empty_seats = 0;
  /// Bytes that went to seats of what was computed ahead.
  std::atomic<std::uint64_t> copied_bytes = 0;
  /// Calls of a session alone, where it might have had company.
  std::atomic<std::uint64_t> calls_alone = 0;
};

}  // namespace streamdiffusion::session
