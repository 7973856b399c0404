// The README's example, compiled and run.
#include <gtest/gtest.h>

#include "session/tiny_model.h"
#include "streamdiffusion/streamdiffusion.h"

namespace sd = streamdiffusion;

TEST(Readme, TheFirstExampleRuns) {
  const sd::testing::TinyModel model;
  std::vector<sd::Image> camera(5, {32, 32, std::vector<std::uint8_t>(32 * 32 * 3, 200)});
  int shown = 0;
  const auto show = [&](const sd::Image& image) { shown += image.width == 32; };

  sd::Engine engine = sd::Engine::open({.model = model.path()});
  sd::Session session = engine.session(
      {.width = 32, .height = 32, .t_index_list = {18, 32}, .cfg_type = sd::CfgType::self});
  session.set_prompt("red apple, 3d render");
  for (const sd::Image& frame : camera) {
    if (auto out = session.process(frame))
      show(out->image);  // two steps in flight: output k belongs to frame k - 1
  }
  for (const sd::Output& out : session.flush()) show(out.image);

  EXPECT_EQ(shown, 5);
}
