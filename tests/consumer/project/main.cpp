// A program outside this tree: one image from a prompt, through the live session.
#include <streamdiffusion/streamdiffusion.h>

#include <cstdio>

namespace sd = streamdiffusion;

int main() {
  sd::LiveSettings settings;
  settings.options = {.width = 64,
                      .height = 64,
                      .t_index_list = {0},
                      .cfg_type = sd::CfgType::none,
                      .text_to_image = true};
  settings.prompts = {{"red apple", 1.0F}};
  int images = 0;
  sd::LiveSession live(
      sd::Engine::open({.model = MODEL_DIR, .threads = 1}), settings,
      {sd::QueuePolicy::Kind::block, 1},
      {.output = [&](const sd::LiveOutput& output) { images += !output.image->rgb.empty(); }});
  live.submit({});
  live.drain();
  std::printf("%d image\n", images);
  return images == 1 ? 0 : 1;
}
