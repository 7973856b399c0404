// Three passes over lines that stay in the cache: brightness, gradients, and the thinned edges,
// which all are loops that compilers vectorize. Only the last step, the following of edges, jumps.
#include "control/canny.h"

#include <array>
#include <cstring>
#include <vector>

#include "control/planes.h"

namespace streamdiffusion::control {
namespace {

/// What a pixel is.
enum Mark : std::uint8_t { kNone = 0, kWeak = 1, kEdge = 2 };

/// tan(22.5°) in fixed point, times 2^15.
constexpr int kTan = 13573;

std::int16_t absolute(std::int16_t x) {
  return static_cast<std::int16_t>(x < 0 ? -x : x);
}

/// One line of gradients, with a pixel of 0 at both ends of `size`.
struct Gradients {
  explicit Gradients(int width)
      : dx(static_cast<std::size_t>(width)), dy(dx.size()), size(dx.size() + 2) {}
  std::vector<std::int16_t> dx, dy, size;
};

class Canny {
 public:
  Canny(const ImageView& image, int low, int high)
      : image_(image),
        width_(image.width),
        low_(low),
        high_(high),
        step_(static_cast<std::size_t>(image.width) + 2),
        gray_{Line(step_), Line(step_), Line(step_)},
        gradients_{Gradients(width_), Gradients(width_), Gradients(width_)},
        smooth_(step_),
        difference_(step_),
        thinned_(step_),
        marks_(step_ * (static_cast<std::size_t>(image.height) + 2)) {}

  Image run() {
    read_gray(0);
    for (int y = 0; y < image_.height; ++y) {
      read_gray(y + 1);
      find_gradients(y);
      if (y > 0) thin(y - 1);
    }
    clear(gradients(image_.height));
    thin(image_.height - 1);
    follow();
    return drawn();
  }

 private:
  using Line = std::vector<std::uint8_t>;

  Line& gray(int y) { return gray_[static_cast<std::size_t>(y + 3) % 3]; }
  Gradients& gradients(int y) { return gradients_[static_cast<std::size_t>(y + 3) % 3]; }
  static void clear(Gradients& line) { std::fill(line.size.begin(), line.size.end(), 0); }

  /// Line y, whose ends are repeated; the last one for those below the image.
  void read_gray(int y) {
    Line& line = gray(y);
    if (y >= image_.height) {
      line = gray(y - 1);
      return;
    }
    gray_line(image_.data + y * image_.stride, width_, line.data() + 1);
    line.front() = line[1];
    line.back() = line[step_ - 2];
  }

  void find_gradients(int y) {
    const std::uint8_t *above = gray(y > 0 ? y - 1 : 0).data(), *here = gray(y).data(),
                       *below = gray(y + 1).data();
    std::int16_t* __restrict smooth = smooth_.data(), * __restrict difference = difference_.data();
    const std::size_t step = step_;
    for (std::size_t i = 0; i < step; ++i) {
      smooth[i] = static_cast<std::int16_t>(above[i] + 2 * here[i] + below[i]);
      difference[i] = static_cast<std::int16_t>(below[i] - above[i]);
    }
    Gradients& line = gradients(y);
    std::int16_t *__restrict dx = line.dx.data(), *__restrict dy = line.dy.data(),
                 *__restrict size = line.size.data() + 1;
    const int width = width_;
    for (int x = 0; x < width; ++x) {
      const auto h = static_cast<std::int16_t>(smooth[x + 2] - smooth[x]);
      const auto v =
          static_cast<std::int16_t>(difference[x] + 2 * difference[x + 1] + difference[x + 2]);
      dx[x] = h;
      dy[x] = v;
      size[x] = static_cast<std::int16_t>(absolute(h) + absolute(v));
    }
  }

  /// Keeps what is largest across its direction: in 16 bits and without branches, so that it is
  /// vectorized. No multiple of tan(22.5°) but 0 is whole in the fixed point, so its floor will do.
  void thin(int y) {
    const Gradients& line = gradients(y);
    const std::int16_t *dx = line.dx.data(), *dy = line.dy.data();
    const std::int16_t *above = gradients(y - 1).size.data(), *here = line.size.data(),
                       *below = gradients(y + 1).size.data();
    std::int16_t* __restrict thinned = thinned_.data();
    const int width = width_;
    const auto low = static_cast<std::int16_t>(low_), high = static_cast<std::int16_t>(high_);
    for (int x = 0; x < width; ++x) {
      const std::int16_t m = here[x + 1], h = absolute(dx[x]), v = absolute(dy[x]);
      const auto tan22 = static_cast<std::int16_t>((2 * h * kTan) >> 16);
      const auto tan67 = static_cast<std::int16_t>(2 * h + tan22);
      const bool falling = static_cast<std::int16_t>(dx[x] ^ dy[x]) < 0;
      const std::int16_t a = above[x], b = above[x + 2], c = below[x], d = below[x + 2];
      const std::int16_t first = falling ? b : a, second = falling ? c : d;
      const std::int16_t horizontal = (m > here[x]) & (m >= here[x + 2]) ? 1 : 0;
      const std::int16_t vertical = (m > above[x + 1]) & (m >= below[x + 1]) ? 1 : 0;
      const std::int16_t diagonal = (m > first) & (m > second) ? 1 : 0;
      const std::int16_t steep = v > tan67 ? vertical : diagonal;
      const std::int16_t keep = v <= tan22 ? horizontal : steep;
      const std::int16_t mark = m > high ? kEdge : kWeak;
      thinned[x] = m > low ? static_cast<std::int16_t>(keep * mark) : std::int16_t{kNone};
    }
    std::uint8_t* __restrict marks = marks_.data() + (static_cast<std::size_t>(y) + 1) * step_ + 1;
    for (int x = 0; x < width; ++x) marks[x] = static_cast<std::uint8_t>(thinned[x]);
  }

  /// Makes edges of the weak pixels that are connected to one.
  void follow() {
    const auto step = static_cast<std::ptrdiff_t>(step_);
    const std::array<std::ptrdiff_t, 8> around{-step - 1, -step,    -step + 1, -1,
                                               1,         step - 1, step,      step + 1};
    std::vector<std::uint8_t*> open;
    std::uint8_t* const end = marks_.data() + marks_.size();
    const auto next = [&](std::uint8_t* from) {
      const auto left = static_cast<std::size_t>(end - from);
      return static_cast<std::uint8_t*>(std::memchr(from, kEdge, left));
    };
    for (std::uint8_t* at = next(marks_.data()); at != nullptr; at = next(at + 1)) {
      open.push_back(at);
      while (!open.empty()) {
        std::uint8_t* const edge = open.back();
        open.pop_back();
        for (const std::ptrdiff_t offset : around) {
          if (edge[offset] != kWeak) continue;
          edge[offset] = kEdge;
          open.push_back(edge + offset);
        }
      }
    }
  }

  Image drawn() const {
    Image image{width_, image_.height, {}};
    image.rgb.resize(3 * static_cast<std::size_t>(width_) *
                     static_cast<std::size_t>(image_.height));
    std::uint8_t* out = image.rgb.data();
    for (int y = 0; y < image_.height; ++y) {
      const std::uint8_t* marks = marks_.data() + (static_cast<std::size_t>(y) + 1) * step_ + 1;
      for (int x = 0; x < width_; ++x, out += 3) {
        const std::uint8_t value = marks[x] == kEdge ? 255 : 0;
        out[0] = out[1] = out[2] = value;
      }
    }
    return image;
  }

  const ImageView& image_;
  const int width_, low_, high_;
  /// A line with a pixel at both ends.
  const std::size_t step_;
  /// Of three lines each, by their number modulo 3.
  std::array<Line, 3> gray_;
  std::array<Gradients, 3> gradients_;
  std::vector<std::int16_t> smooth_, difference_, thinned_;
  /// Marks, with a border of one pixel around.
  std::vector<std::uint8_t> marks_;
};

}  // namespace

Image canny(const ImageView& image, int low, int high) {
  return Canny(image, low, high).run();
}

}  // namespace streamdiffusion::control
