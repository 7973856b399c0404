// Reads the images of one node of PipeWire, such as a shared screen, in shared memory.
#pragma once

#include <spa/param/video/format-utils.h>

#include <cstdint>
#include <optional>
#include <string>

#include "media/av.h"
#include "media/pipewire/loop.h"
#include "media/portal_source.h"

namespace streamdiffusion::media {

/// As in the memory of the node, and how it is to be turned to be upright.
struct NodeImage {
  AvFrame frame;
  /// As in EXIF, 1..8.
  int orientation = 1;
};

class NodeReader {
 public:
  /// `name` is what messages call the source; `descriptor`, a connection to PipeWire, is taken
  /// over. `part` is the part of the upright images to read; all if there is none. Throws io.
  NodeReader(std::string name, int descriptor, std::uint32_t node, std::optional<ScreenPart> part);
  ~NodeReader();
  NodeReader(const NodeReader&) = delete;
  NodeReader& operator=(const NodeReader&) = delete;

  /// The newest image since the last call, if there is one. Throws io where PipeWire ends or an
  /// image is not what was agreed on, and invalid_argument where the part is not in it.
  std::optional<NodeImage> take();
  /// Why no more images will come, in PipeWire's words; empty while they may.
  std::string ended() const;

 private:
  struct Place {
    std::uint32_t x = 0, y = 0, width = 0, height = 0;
  };

  void connect(int descriptor, std::uint32_t node);
  void close();
  static void on_state(void* self, pw_stream_state, pw_stream_state now, const char* error);
  static void on_parameter(void* self, std::uint32_t id, const spa_pod* format);
  static void on_process(void* self);
  static void on_added(void* self, pw_buffer* buffer);
  static void on_removed(void* self, pw_buffer* buffer);
  static void on_core_error(void* self, std::uint32_t id, int sequence, int code, const char* text);
  void agree(const spa_video_info_raw& info);
  Place shown_in(const spa_buffer& buffer) const;
  Place place_in(const spa_buffer& buffer, int orientation) const;
  NodeImage copy(const spa_buffer& buffer) const;

  static const pw_stream_events kEvents;
  static const pw_core_events kCoreEvents;

  const std::string name_;
  const std::optional<ScreenPart> part_;
  Loop loop_;
  pw_context* context_ = nullptr;
  pw_core* core_ = nullptr;
  spa_hook core_listener_ = {}, stream_listener_ = {};
  pw_stream* stream_ = nullptr;
  // Of PipeWire's thread, under the loop's lock:
  /// What was agreed on last, and what the buffers are of.
  spa_video_info_raw next_format_ = {}, format_ = {};
  pw_buffer* newest_ = nullptr;
  std::string ended_, error_;
};

}  // namespace streamdiffusion::media
