// Files that appear whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace streamdiffusion::base {

/// Whether a file has to be on the disk before it replaces another.
enum class Durability {
  /// Only where it replaces an older file, which would else be lost with the power.
  replacing,
  always,
};

/// Who may read a new file.
enum class Readers {
  /// Whom the user's mask lets; a file that replaces another keeps that one's permissions.
  usual,
  /// Its owner alone, also where the file that it replaces let others.
  owner,
};

/// Writes a temporary file in the same folder, under a name that nobody can foresee, and renames it
/// when it is whole. Until then an older file stays as it is, and afterwards its permissions stay.
/// What is no file is written to directly: a pipe, a device, "-" and /dev/stdout for standard
/// output, /dev/fd/N for an open descriptor. Every write is checked. All functions throw io naming
/// the path and the reason.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path, Durability durability = Durability::replacing,
                      Readers readers = Readers::usual);
  /// Removes what is unfinished.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Renames the file. Without this call nothing is left of it.
  void finish();

 private:
  void open_beside(const std::filesystem::path& folder, Readers readers);
  [[noreturn]] void fail_with_errno();
  void discard() noexcept;

  std::filesystem::path path_;
  Durability durability_;
  /// Empty where the writes go to the path directly.
  std::filesystem::path unfinished_;
  int descriptor_ = -1;
  bool replaces_ = false;
};

/// The file that `path` stands for as the output of a person: a link is followed, as cp does, also
/// where it leads to nothing yet. The files that the program names itself are not followed: whoever
/// may write in their folder could lead it anywhere. Throws io for links in a circle.
std::filesystem::path output_target(const std::filesystem::path& path);

/// Creates `folder`, followed as above, and the folders above it; nothing to do for an empty path.
/// Throws io naming it.
void create_folders(const std::filesystem::path& folder);

/// 16 hexadecimal digits that nobody can foresee, for a temporary file's name. Throws io.
std::string random_name();

/// Writes a whole file with a FileWriter.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                Durability durability = Durability::replacing, Readers readers = Readers::usual);
void write_file(const std::filesystem::path& path, std::string_view text,
                Durability durability = Durability::replacing, Readers readers = Readers::usual);

/// Throws as writing to a file would, before work whose result would be lost: if the folder is
/// missing or takes no files, or the file may not be replaced. Streams are not tried.
void check_writable(const std::filesystem::path& path);
/// The same for writers that make missing folders: those must be possible.
void check_creatable(const std::filesystem::path& path);

/// Whether `path` is standard output: "-", /dev/stdout, /dev/fd/1 or /proc/self/fd/1.
bool is_standard_output(const std::filesystem::path& path);

/// Whether writing to `path` appends to a stream instead of replacing a file: standard output,
/// another open descriptor, a pipe or a device.
bool is_stream(const std::filesystem::path& path);

/// Lets standard output that is no terminal be written when much has gathered, so that
/// check_standard_output() still knows why it failed. Call it before anything is printed.
void buffer_standard_output();

/// Throws io if standard output could not be written to its end: a full disk, a closed descriptor.
/// To be called last.
void check_standard_output();

/// Opens the standard descriptors that the program was started without, so that no file takes their
/// numbers; writing to them fails. To be called first.
void occupy_standard_descriptors();

}  // namespace streamdiffusion::base
