// A cheap stand-in for the UNet: a smooth, non-linear function of each element of a row, of the
// row's timestep and of the prompt it follows; rows do not see each other.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "stream/sequential.h"
#include "stream/stream_batch.h"

namespace streamdiffusion::stream::testing {

std::vector<float> toy_unet(const RowLayout& layout, const std::vector<float>& rows,
                            const std::vector<float>& timesteps);

inline constexpr LatentShape kShape{4, 4, 4};
inline constexpr CfgType kCfgTypes[]{CfgType::none, CfgType::full, CfgType::self,
                                     CfgType::initialize};

/// Largest difference, divided by the largest expected value; infinite for other sizes.
double relative_error(const std::vector<float>& found, const std::vector<float>& expected);

/// Of LCM at these indices of 50.
StreamParameters parameters(const std::vector<int>& t_index_list);
StreamParameters parameters(const schedule::StepOptions& options,
                            const schedule::SchedulerConfig& config = {});
/// Clean latents of frame `id`.
std::vector<float> frame(std::uint64_t id);

/// A stream batch driven by the toy UNet.
class ToyStream {
 public:
  ToyStream(const RowLayout& layout, const StreamParameters& parameters);
  StreamBatch& batch() { return batch_; }
  /// One call with frames first .. first + F - 1, or with empty rows; what comes out is kept by id.
  void call(std::uint64_t first);
  void call_empty();
  const std::map<std::uint64_t, std::vector<float>>& outputs() const { return outputs_; }
  /// Ids in the order they came out.
  const std::vector<std::uint64_t>& order() const { return order_; }
  /// The rows that the last call showed to the UNet.
  const std::vector<float>& rows() const { return rows_; }

 private:
  void step(const std::vector<FrameId>& ids, const std::vector<float>& z);

  StreamBatch batch_;
  std::vector<float> rows_;
  std::map<std::uint64_t, std::vector<float>> outputs_;
  std::vector<std::uint64_t> order_;
};

/// The same frames through Sequential.
std::map<std::uint64_t, std::vector<float>> sequential_outputs(int frames, CfgType cfg,
                                                               const StreamParameters& parameters,
                                                               std::uint64_t count);

}  // namespace streamdiffusion::stream::testing
