// Waiting for a condition, with an end: a test that would hang fails and says what did not come.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>
#include <thread>

namespace streamdiffusion::testing {

/// Far longer than anything takes on a machine that is busy with other work.
#ifdef __SANITIZE_THREAD__
constexpr std::chrono::seconds kWaitLimit{300};
#else
constexpr std::chrono::seconds kWaitLimit{30};
#endif

/// Polls until `predicate` holds, and returns true. After `limit` fails the test, with `what` in
/// the message, and returns false.
template <typename Predicate>
bool wait_until(std::string_view what, Predicate predicate,
                std::chrono::milliseconds limit = kWaitLimit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= end) {
      ADD_FAILURE() << "waited " << limit.count() << " ms in vain: " << what;
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace streamdiffusion::testing
