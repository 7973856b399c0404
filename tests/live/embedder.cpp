// The smallest program that embeds LiveSession. A test looks at what it links: see CMakeLists.txt.
#include <cstdio>

#include "streamdiffusion/live.h"

int main(int argc, char** argv) {
  using namespace streamdiffusion;
  if (argc < 2) return 0;
  const LiveSession live(Engine::open({.model = argv[1]}), {}, {},
                         {.output = [](const LiveOutput&) { std::puts("image"); }});
}
