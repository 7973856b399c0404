// A pointer begins with its version; see git-lfs's docs/spec.md.
#include "base/git_lfs.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"

namespace streamdiffusion::base {

void refuse_lfs_pointer(std::span<const std::byte> bytes, const std::string& name) {
  constexpr std::size_t kLongest = 1024;  // of a pointer, by its specification
  constexpr std::string_view kBegin = "version https://git-lfs.github.com/spec/";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), kLongest));
  require(!text.starts_with(kBegin), ErrorCode::corrupt_file, name,
          ": a pointer of Git LFS stands in place of the file. Get the file itself with `git lfs "
          "install && git lfs pull` in its repository, or download it from its page");
}

}  // namespace streamdiffusion::base
