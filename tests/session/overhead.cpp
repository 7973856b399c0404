// So many frames through the smallest model, for overhead_guard.py to count. Usage:
// session_overhead FRAMES
#include <cstdlib>

#include "streamdiffusion/engine.h"
#include "support/tiny_model.h"

int main(int argc, char** argv) {
  using namespace streamdiffusion;
  const testing::TinyModel model;
  Engine engine =
      Engine::open({.model = model.path(), .device = "ref", .dtype = DataType::f32, .threads = 1});
  Session session = engine.session(
      {.width = 32, .height = 24, .t_index_list = {22, 45}, .cfg_type = CfgType::self});
  session.set_prompt("red apple");
  Image frame{32, 24, std::vector<std::uint8_t>(std::size_t{32} * 24 * 3, 128)};
  for (int i = argc > 1 ? std::atoi(argv[1]) : 10; i > 0; --i) session.process(ImageView(frame));
}
