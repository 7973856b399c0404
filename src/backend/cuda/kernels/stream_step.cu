// Launches of the kernels of stream_step.cuh.
#include "backend/cuda/kernels/launch.cuh"
#include "backend/cuda/kernels/stream_step.cuh"

namespace streamdiffusion::backend::cuda {
namespace {

dim3 grid_of(std::int64_t row_elements, int stream_rows) {
  dim3 grid = grid_for(row_elements);
  grid.y = static_cast<unsigned>(stream_rows);
  return grid;
}

}  // namespace

void launch_enter_rows(const EnteringRows& rows, Stream stream) {
  launch("enter_rows", enter_rows, grid_of(rows.row_elements, rows.stream_rows), dim3(kThreads),
         stream, rows);
}

void launch_denoise_rows(const DenoisingRows& rows, Stream stream) {
  launch("denoise_rows", denoise_rows, grid_of(rows.row_elements, rows.stream_rows), dim3(kThreads),
         stream, rows);
}

}  // namespace streamdiffusion::backend::cuda
