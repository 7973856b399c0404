// Which files of a folder this program has written there, so that it replaces no others.
#pragma once

#include <filesystem>
#include <string>
#include <unordered_set>
#include <vector>

namespace streamdiffusion::base {

/// A list in the folder itself, `.streamdiffusion`: a line for each file, of its size, its time and
/// its name. A file is the program's own as long as it has these: one that somebody has written
/// over or edited since is theirs. Names are of files of that folder alone, whatever the list says;
/// without a list, or with one that cannot be read, no file is the program's own.
class WrittenFiles {
 public:
  static constexpr const char* kListName = ".streamdiffusion";

  /// Reads the list. An empty name is the present folder.
  explicit WrittenFiles(std::filesystem::path folder);

  /// Whether `name`, a file of the folder, is as the program left it. A link never is.
  bool owns(const std::filesystem::path& name) const;
  /// Throws invalid_argument if something of `names`, of files of the folder, is there and not the
  /// program's own. The message names the first ones and their number.
  void refuse_others(const std::vector<std::filesystem::path>& names) const;
  /// Notes that the program wrote `file`, which is in the folder under its name or will be moved
  /// there. Where the list cannot be written, one warning says so.
  void add(const std::filesystem::path& file);

 private:
  void read_list();
  void begin_list();
  void append(const std::string& line) const;

  std::filesystem::path folder_, list_;
  std::unordered_set<std::string> lines_;
  bool begun_ = false, warned_ = false;
};

}  // namespace streamdiffusion::base
