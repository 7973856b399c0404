#include "base/hub_folder.h"

namespace streamdiffusion::base {
namespace {

constexpr std::string_view kPrefix = "models--", kSeparator = "--";

}  // namespace

std::string hub_folder(std::string_view repository) {
  std::string folder(kPrefix);
  for (const char c : repository) c == '/' ? folder += kSeparator : folder += c;
  return folder;
}

std::string hub_repository(std::string_view folder) {
  if (!folder.starts_with(kPrefix)) return {};
  std::string repository(folder.substr(kPrefix.size()));
  const std::size_t at = repository.find(kSeparator);
  if (at != std::string::npos) repository.replace(at, kSeparator.size(), "/");
  return repository;
}

}  // namespace streamdiffusion::base
