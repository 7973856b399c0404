// Cards that are not here, described by files of tests/data/gpus.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "backend/cuda/cudnn/plan.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {

inline std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return text.str();
}

inline Card described_card(const std::string& name) {
  return Card::from_properties(read_file(SD_TEST_DATA_DIR "/gpus/" + name + ".json"));
}

inline bool have_cudnn() {
  try {
    return !cudnn_library().path.empty();
  } catch (const base::Error& error) {
    std::printf("%s\n", error.what());
    return false;
  }
}

}  // namespace streamdiffusion::backend::cuda
