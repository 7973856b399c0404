// Input expansion through glob(3) and natural sorting.
#include "image/image_sequence.h"

#include <glob.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <optional>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/join.h"
#include "base/log.h"
#include "base/lower_case.h"
#include "base/parse_number.h"
#include "base/written_files.h"
#include "image/image_file.h"

namespace streamdiffusion::image {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

std::string digits_at(const std::string& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return text.substr(at, end - at);
}

std::string without_leading_zeros(const std::string& digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string::npos ? "" : digits.substr(first);
}

/// Sorts files into images and what is left out of an input.
class Selection {
 public:
  explicit Selection(std::string input) : input_(std::move(input)) {}

  void add(const fs::path& path) {
    if (path.filename() == base::WrittenFiles::kListName) return;  // nothing of the user's
    std::error_code ignored;
    const fs::file_status status = fs::status(path, ignored);
    if (fs::is_directory(status)) {
      ++folders_;
    } else if (is_image(path, status)) {
      images_.push_back(path);
    } else {
      others_.push_back(path.filename().string());
    }
  }

  /// The images in their order. Says what was left out.
  std::vector<fs::path> take() {
    const std::string left_out = text();
    base::require(!images_.empty(), ErrorCode::not_found, input_, ": no image",
                  left_out.empty() ? "" : ", but ", left_out);
    if (!left_out.empty()) base::warn(input_, ": left out ", left_out);
    std::sort(images_.begin(), images_.end(), [](const fs::path& a, const fs::path& b) {
      return natural_less(a.string(), b.string());
    });
    return std::move(images_);
  }

 private:
  /// A link that leads nowhere has an image's name all the same, and is an error later.
  static bool is_image(const fs::path& path, const fs::file_status& status) {
    if (path.filename().string().starts_with('.')) return false;
    if (!fs::exists(status)) return is_image_name(path);
    return fs::is_regular_file(status) && (is_image_name(path) || has_image_content(path));
  }

  /// "3 files that are no such images (a.gif, notes.txt, …) and 1 folder"
  std::string text() {
    constexpr std::size_t kNamed = 3;
    std::string text;
    if (!others_.empty()) {
      std::sort(others_.begin(), others_.end());
      const std::size_t count = others_.size();
      others_.resize(std::min(count, kNamed));
      text = base::concat(count, count == 1 ? " file that is" : " files that are", " not read as ",
                          count == 1 ? "an image (" : "images (", base::joined(others_),
                          count > kNamed ? ", …" : "", ")");
    }
    if (folders_ > 0) {
      text += base::concat(text.empty() ? "" : " and ", folders_,
                           folders_ == 1 ? " folder" : " folders");
    }
    return text;
  }

  std::string input_;
  std::vector<fs::path> images_;
  std::vector<std::string> others_;
  std::size_t folders_ = 0;
};

std::vector<fs::path> images_in(const std::string& folder) {
  Selection selection(folder);
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    selection.add(entry->path());
  }
  base::require(!error, ErrorCode::io, folder, ": cannot be read: ", error.message());
  return selection.take();
}

std::vector<fs::path> matches(const std::string& pattern) {
  glob_t result{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &result);
  std::vector<fs::path> found;
  if (status == 0) found.assign(result.gl_pathv, result.gl_pathv + result.gl_pathc);
  ::globfree(&result);
  base::require(!found.empty(), ErrorCode::not_found, pattern,
                ": no such file, folder or pattern with a match");
  Selection selection(pattern);
  for (const fs::path& path : found) selection.add(path);
  return selection.take();
}

fs::path numbered(const fs::path& folder, std::size_t index) {
  char name[32];
  std::snprintf(name, sizeof name, "%06zu.png", index);
  return folder / name;
}

/// The index of a numbered output; empty for another name.
std::optional<std::size_t> number_of(const fs::path& path) {
  const auto index = base::parse_number<std::size_t>(path.stem().string());
  return index && path.filename() == numbered({}, *index) ? index : std::nullopt;
}

/// Not there, or without a file of anybody's.
bool is_unused(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return true;
  fs::directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error))
    if (entry->path().filename() != base::WrittenFiles::kListName) return false;
  return !error;
}

/// Of a name: what no file system tells apart from another.
std::string folded(const fs::path& path) {
  return base::lower_case(path.string());
}

}  // namespace

bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string x = digits_at(a, i), y = digits_at(b, j);
      const std::string u = without_leading_zeros(x), v = without_leading_zeros(y);
      if (u != v) return u.size() != v.size() ? u.size() < v.size() : u < v;
      i += x.size();
      j += y.size();
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

std::vector<fs::path> expand_inputs(const std::vector<std::string>& inputs) {
  std::vector<fs::path> all;
  std::error_code ignored;
  bool found_any = false;
  for (const std::string& input : inputs) {
    const fs::file_status status = fs::status(input, ignored);
    const bool one = input == "-" || (fs::exists(status) && !fs::is_directory(status));
    const bool missing = !fs::exists(status) && inputs.size() > 1 && is_image_name(input) &&
                         input.find_first_of("*?[") == std::string::npos;
    found_any |= !missing || one;
    if (one || missing) {
      all.emplace_back(input);
      continue;
    }
    const std::vector<fs::path> found =
        fs::is_directory(status) ? images_in(input) : matches(input);
    all.insert(all.end(), found.begin(), found.end());
  }
  base::require(found_any || inputs.empty(), ErrorCode::not_found,
                inputs.empty() ? "" : inputs.front(), ": no such file, nor any other of the ",
                inputs.size(), " inputs");
  return all;
}

void refuse_nameless(const fs::path& output) {
  constexpr std::array<std::string_view, 9> kExtensions{".png", ".jpg", ".jpeg", ".webp", ".gif",
                                                        ".mp4", ".mov", ".mkv",  ".webm"};
  std::error_code ignored;
  const std::string name = output.filename().string();
  const bool nameless = std::ranges::find(kExtensions, base::lower_case(name)) != kExtensions.end();
  base::require(!nameless || fs::is_directory(output, ignored), ErrorCode::invalid_argument,
                output.string(), ": has no name before its extension, expected one, such as a",
                name, "; for a folder of this name, write ", output.string(), "/");
}

bool is_folder_name(const fs::path& output) {
  std::error_code ignored;
  if (!output.has_filename() || fs::is_directory(output, ignored)) return true;
  refuse_nameless(output);
  if (base::is_stream(output) || is_image_name(output)) return false;
  const std::string extension = output.extension().string();
  if (extension.size() < 2 || is_digit(extension[1])) return true;
  base::fail(
      ErrorCode::invalid_argument, output.string(),
      ": images are written as .png, .jpg, .jpeg or .webp. For a folder of this name, write ",
      output.string(), "/");
}

std::vector<fs::path> output_paths(const fs::path& output, const std::vector<fs::path>& inputs,
                                   std::size_t count) {
  if (!is_folder_name(output)) {
    base::require(count == 1, ErrorCode::invalid_argument, output.string(), ": one file for ",
                  count, " images; give a folder, such as ",
                  (output.parent_path() / "out/").string());
    return {output};
  }
  std::vector<fs::path> paths;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < count; ++i) {
    if (inputs.empty()) {
      paths.push_back(numbered(output, i));
      continue;
    }
    const std::string stem = inputs[i] == "-" ? "stdin" : inputs[i].stem().string();
    fs::path path = output / (stem + ".png");
    for (int number = 2; !taken.insert(folded(path)).second; ++number)
      path = output / base::concat(stem, "-", number, ".png");
    paths.push_back(path);
  }
  return paths;
}

fs::path unused_folder(const fs::path& name) {
  fs::path folder = name;
  for (int number = 2; !is_unused(folder); ++number)
    folder = base::concat(name.string(), "-", number);
  return folder;
}

std::vector<fs::path> numbered_images(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (number_of(entry->path())) found.push_back(entry->path());
  }
  return found;
}

std::size_t numbered_leftovers(const fs::path& folder, std::size_t count) {
  const auto images = numbered_images(folder);
  return static_cast<std::size_t>(
      std::count_if(images.begin(), images.end(),
                    [&](const fs::path& path) { return number_of(path) >= count; }));
}

fs::path output_path(const fs::path& output, std::size_t index, std::size_t count) {
  return count == 1 && is_image_name(output) ? output : numbered(output, index);
}

}  // namespace streamdiffusion::image
