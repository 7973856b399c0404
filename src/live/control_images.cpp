#include "live/control_images.h"

#include "streamdiffusion/control.h"

namespace streamdiffusion::live {

void make_control_images(const Image& source, bool is_frame,
                         const std::vector<ControlSettings>& settings, ControlImages& images) {
  images.resize(settings.size());
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const ControlImageOptions& wanted = settings[i].image;
    const bool unchanged = wanted.preprocessor == Preprocessor::automatic ||
                           wanted.preprocessor == Preprocessor::passthrough;
    if ((is_frame && unchanged) || !settings[i].enabled) {
      images[i] = {};
    } else if (!images[i].image || images[i].made_by != wanted) {
      images[i] = {std::make_shared<const Image>(control_image(source, wanted)), wanted};
    }
  }
}

std::vector<ImageView> views_of(const ControlImages& images, const ImageView& otherwise) {
  std::vector<ImageView> views;
  for (const ControlImage& each : images)
    views.push_back(each.image ? ImageView(*each.image) : otherwise);
  return views;
}

}  // namespace streamdiffusion::live
