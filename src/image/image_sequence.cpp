// Input expansion through glob(3) and natural sorting.
#include "image/image_sequence.h"

#include <glob.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "base/error.h"
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

std::vector<fs::path> images_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && is_image_name(entry.path())) found.push_back(entry.path());
  }
  base::require(!found.empty(), ErrorCode::not_found, folder.string(),
                ": no .png, .jpg or .jpeg file in this folder");
  return found;
}

std::vector<fs::path> matches(const std::string& pattern) {
  glob_t result{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &result);
  std::vector<fs::path> found;
  if (status == 0) found.assign(result.gl_pathv, result.gl_pathv + result.gl_pathc);
  ::globfree(&result);
  base::require(!found.empty(), ErrorCode::not_found, pattern,
                ": no such file, folder or pattern with a match");
  return found;
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
  for (const std::string& input : inputs) {
    if (fs::is_regular_file(input)) {
      all.emplace_back(input);
      continue;
    }
    std::vector<fs::path> found = fs::is_directory(input) ? images_in(input) : matches(input);
    std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
      return natural_less(a.string(), b.string());
    });
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

fs::path output_path(const fs::path& output, std::size_t index, std::size_t count) {
  if (count == 1 && is_image_name(output)) return output;
  char name[32];
  std::snprintf(name, sizeof name, "%06zu.png", index);
  return output / name;
}

}  // namespace streamdiffusion::image
