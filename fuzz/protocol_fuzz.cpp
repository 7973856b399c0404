// Any bytes as a client's messages: a binary frame, a text of either dialect, parameters, an
// address. Only Refusal may come out, and parameters that hold can be shown and applied again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/http.h"
#include "server/messages.h"
#include "server/parameters.h"
#include "support/fake_studio.h"

namespace {

using namespace streamdiffusion;
using server::Refusal;

template <typename Try>
void refused_or_fine(const Try& attempt) {
  try {
    attempt();
  } catch (const Refusal& refusal) {
    (void)server::error_message(refusal, false);
    (void)server::error_response(refusal);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::FakeStudio studio;
  static const server::ParameterTable table(studio, server::Limits{});
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  refused_or_fine([&] {
    const server::BinaryFrame frame = server::read_binary_frame(bytes);
    if (frame.image.size() + 4 > size) __builtin_trap();
  });
  refused_or_fine([&] {
    server::Request request;
    server::read_target(bytes, request);
    if (!server::is_utf8(request.path)) __builtin_trap();
  });
  (void)server::base64_decode(bytes);
  for (const bool established : {false, true}) {
    refused_or_fine([&] {
      const server::ClientText text = server::read_client_text(bytes, established);
      const server::Parameters parameters = table.apply(text.body, table.defaults());
      const auto shown = table.write(parameters);
      (void)server::dump(table.warnings(parameters));
      const int steps = shown.at("steps"), length = shown.at("num_inference_steps");
      if (steps < 1 || shown.at("t_index_list").back().get<int>() >= length) __builtin_trap();
    });
  }
  return 0;
}
