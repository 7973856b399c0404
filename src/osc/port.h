// A UDP port for OSC with a thread of its own: reads what controllers send, and gathers what comes
// in quick succession, so that a fader does not change a stream a thousand times a second.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "osc/request.h"

namespace streamdiffusion::osc {

struct PortOptions {
  /// "[HOST:]PORT"; without HOST 127.0.0.1. Port 0 picks a free one.
  std::string listen;
  /// "[HOST:]PORT" where answers and errors go. Empty: to who asked, if on this machine.
  std::string reply;
  /// Allow hosts that other machines reach. OSC knows no token.
  bool insecure = false;
};

/// Throws invalid_argument naming the flag, and unsupported without liblo.
void check(const PortOptions& options);

/// Where one request came from. May outlive the port. Thread-safe.
class Sender {
 public:
  virtual ~Sender() = default;
  /// Does nothing if the sender is on another machine and there is no PortOptions::reply.
  virtual void send(const Message& message) const = 0;
  /// A warning in the log, a few times a minute, and "/streamdiffusion/error" to the sender.
  virtual void refuse(std::string_view problem) const = 0;
};

/// Called on the port's thread, at most about 60 times a second for what only sets something. What
/// it throws is refused to the sender.
using Handler = std::function<void(const Request&, const std::shared_ptr<const Sender>&)>;

class Port {
 public:
  /// Throws as check() does, and io if the address cannot be used.
  Port(const PortOptions& options, std::vector<params::Parameter> rows, Handler handler);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  /// "127.0.0.1:9000"
  std::string address() const;
  std::uint16_t number() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamdiffusion::osc
