// A pair of sockets, since a write to one whose reader is gone can be told not to end the process.
#include "media/fed_pipe.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace streamdiffusion::testing {

FedPipe::FedPipe(std::string bytes) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  end_ = ends[0];
  writer_ = std::thread([to = ends[1], bytes = std::move(bytes)] {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t count = ::send(to, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (count <= 0) break;
      at += static_cast<std::size_t>(count);
    }
    ::close(to);
  });
}

FedPipe::~FedPipe() {
  ::close(end_);
  writer_.join();
}

}  // namespace streamdiffusion::testing
