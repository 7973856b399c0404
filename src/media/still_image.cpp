#include "media/still_image.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/git_lfs.h"
#include "image/image_file.h"
#include "image/image_format.h"
#include "media/frame_source.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;
using Bytes = std::vector<std::byte>;

/// Bytes in memory with a descriptor, since libav is given descriptors and names of files.
class MemoryFile {
 public:
  MemoryFile(const Bytes& bytes, const std::string& name)
      : descriptor_(::memfd_create("image", MFD_CLOEXEC)) {
    base::require(descriptor_ >= 0, ErrorCode::io, name,
                  ": no file in memory: ", std::strerror(errno));
    try {
      base::write_file("/dev/fd/" + std::to_string(descriptor_), bytes);
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
    ::lseek(descriptor_, 0, SEEK_SET);
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

Image only_image(FrameSource& source, const std::string& name) {
  const SourceInfo& info = source.info();
  if (info.width > 0) image::check_image_size(info.width, info.height, name);  // else it is damaged
  const auto first = source.read();
  base::require(first.has_value(), ErrorCode::corrupt_file, name, ": no image could be decoded");
  Image image = first->image();
  base::require(!source.read(), ErrorCode::unsupported, name,
                ": holds several images, one after another, expected a still image; "
                "`streamdiffusion run` reads it whole");
  return image;
}

/// What is no image that anything here reads, in words.
void require_image(const Bytes& bytes, const std::string& name) {
  if (image::format_of(bytes) != image::Format::other || image::is_other_still(bytes)) return;
  base::refuse_lfs_pointer(bytes, name);
  base::require(!bytes.empty(), ErrorCode::corrupt_file, name, ": the file is empty");
  const char* known = image::name_of_other_format(bytes);
  const std::string what = known == nullptr ? "is no image that is recognized" : known;
  base::require(!image::is_video(bytes), ErrorCode::unsupported, name, ": ",
                known == nullptr ? "a video" : known,
                ", expected a still image; `streamdiffusion run` reads videos");
  base::fail(ErrorCode::unsupported, name, ": ", what, ", expected a PNG, JPEG, WebP, ",
             image::names_of_other_stills(), " image");
}

}  // namespace

Image read_still_image(const std::filesystem::path& path) {
  const Bytes bytes = image::read_image_bytes(path);
  require_image(bytes, path.string());
  if (!image::is_other_still(bytes)) return image::decode_image(bytes, path.string());
  const MemoryFile file(bytes, path.string());
  const auto source = open_descriptor_source(file.descriptor(), path.string(), {});
  return only_image(*source, path.string());
}

}  // namespace streamdiffusion::media
