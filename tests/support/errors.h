// Errors, looked at closely.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace streamdiffusion::testing {

/// Runs `action`; it must throw Error(code) with every one of `parts` in its message.
template <typename Action>
void expect_error(Action action, base::ErrorCode code, const std::vector<std::string>& parts) {
  try {
    action();
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& part : parts) EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    EXPECT_LT(std::string_view(error.what()).size(), 20'000U);
  }
}

/// The message of the Error that `action` throws; a test failure if it throws none.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "did not throw";
  return {};
}

}  // namespace streamdiffusion::testing
