#include "stream/row_layout.h"

namespace streamdiffusion::stream {

int RowLayout::negative_rows() const {
  switch (cfg) {
    case CfgType::full:
      return stream_rows();
    case CfgType::initialize:
      return frames;
    case CfgType::none:
    case CfgType::self:
      return 0;
  }
  return 0;
}

int RowLayout::stream_row(int unet_row) const {
  return unet_row < negative_rows() ? unet_row : unet_row - negative_rows();
}

std::vector<int> RowLayout::prompt_of_row() const {
  std::vector<int> prompts(static_cast<std::size_t>(unet_rows()), 0);
  for (int i = 0; i < negative_rows(); ++i) prompts[static_cast<std::size_t>(i)] = 1;
  return prompts;
}

}  // namespace streamdiffusion::stream
