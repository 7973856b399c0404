// Feeds arbitrary bytes to everything that parses a client's input: binary frames, text messages of
// both protocols, parameters and URLs. Only HttpError may be thrown, and accepted parameters must
// be written with a valid number of steps and a valid t_index_list.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/parameters.h"
#include "server/protocol/http.h"
#include "server/protocol/messages.h"
#include "support/fake_stream_factory.h"

namespace {

using namespace streamdiffusion;
using server::HttpError;

template <typename Try>
void allow_http_error(const Try& attempt) {
  try {
    attempt();
  } catch (const HttpError& http_error) {
    (void)server::error_message(http_error, false);
    (void)server::error_response(http_error);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::FakeStreamFactory factory;
  static const server::ParameterTable table(factory, server::Limits{});
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  allow_http_error([&] {
    const server::BinaryFrame frame = server::read_binary_frame(bytes);
    if (frame.image.size() + 4 > size) __builtin_trap();
  });
  allow_http_error([&] {
    server::Request request;
    server::read_target(bytes, request);
    if (!server::is_utf8(request.path)) __builtin_trap();
  });
  (void)server::base64_decode(bytes);
  for (const bool legacy : {false, true}) {
    allow_http_error([&] {
      const server::ClientText text = server::read_client_text(bytes, legacy);
      const server::Parameters parameters = table.apply(text.body, table.defaults());
      const auto shown = table.write(parameters);
      (void)server::dump(table.warnings(parameters));
      const int steps = shown.at("steps"), length = shown.at("num_inference_steps");
      if (steps < 1 || shown.at("t_index_list").back().get<int>() >= length) __builtin_trap();
    });
  }
  return 0;
}
