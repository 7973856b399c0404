// What a file says that does nothing is named as it stands there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "config/config.h"
#include "params/without_effect.h"

namespace streamdiffusion::config {
namespace {

using ::testing::ElementsAre;

TEST(ConfigWarnings, WhatStandsInTheFileIsNamedByItsKey) {
  const params::Settings settings = parse_config("seed: 5\nseed_list: [[2, 1]]", "a.yaml");
  EXPECT_EQ(params::as_given_in(settings)(params::parameter("seed")), "seed");
  EXPECT_EQ(params::as_given_in(settings)(params::parameter("delta")), "--delta");
}

TEST(ConfigWarnings, AnOptionOfAnotherPreprocessorIsNamed) {
  std::vector<std::string> lines;
  base::set_log_callback([&](base::LogLevel, std::string_view line) { lines.emplace_back(line); });
  parse_config(
      "controlnets:\n"
      "- model_id: a\n"
      "  preprocessor: canny\n"
      "  preprocessor_params:\n"
      "    low_threshold: 50\n"
      "    sigma: 3\n"
      "- {model_id: b, preprocessor_params: {sigma: 3}}\n",
      "a.yaml");
  base::set_log_callback({});
  EXPECT_THAT(lines,
              ElementsAre("a.yaml:6: controlnets[0].preprocessor_params.sigma has no effect with "
                          "preprocessor canny; it acts with blur"));
}

}  // namespace
}  // namespace streamdiffusion::config
