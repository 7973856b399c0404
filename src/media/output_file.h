// The file that a sink writes. One that was there before stays until its successor is whole.
#pragma once

#include <filesystem>
#include <string>

namespace streamdiffusion::media {

/// Where nothing is yet, the file is written under its own name, so that what a killed program
/// leaves is found there. Where there is a file, its successor is written beside it (a.part.mp4)
/// and replaces it in commit(). What is no regular file (a device, a named pipe) is written to as
/// it is.
class OutputFile {
 public:
  /// Creates missing folders, and the file. Throws io naming `target`.
  explicit OutputFile(const std::string& target);
  /// Removes the file, unless keep() or commit() was called.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Where to write.
  const std::string& path() const { return path_; }
  /// The file holds something.
  void keep() { kept_ = true; }
  /// Renames the written file. Throws io.
  void commit();

 private:
  std::filesystem::path target_;
  std::string path_;
  bool regular_ = true, kept_ = false;
};

/// A name beside `target` that is free: "a.part.mp4" for "a.mp4".
std::filesystem::path part_name(const std::filesystem::path& target);

}  // namespace streamdiffusion::media
