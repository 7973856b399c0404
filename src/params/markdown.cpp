#include "params/markdown.h"

#include "base/error.h"
#include "base/join.h"
#include "params/check.h"

namespace streamdiffusion::params {
namespace {

using base::concat;

std::string cell(bool value) {
  return value ? "true" : "false";
}
std::string cell(const std::string& value) {
  return value;
}
std::string cell(const std::vector<int>& value) {
  return concat("[", base::joined(value), "]");
}
std::string cell(const std::vector<WeightedPrompt>&) {
  return "";
}
std::string cell(const std::vector<WeightedSeed>&) {
  return "";
}
std::string cell(const std::vector<Lora>&) {
  return "";
}
std::string cell(const std::vector<float>&) {
  return "";
}
std::string cell(const std::vector<ControlNet>&) {
  return "";
}
std::string cell(const std::vector<ControlSettings>&) {
  return "";
}
std::string cell(const std::vector<IpAdapter>&) {
  return "";
}
std::string cell(const std::vector<ImagePrompt>&) {
  return "";
}
std::string cell(auto value) {
  return concat(value);
}

/// Of a parameter that nobody sets; empty for one that is then left out.
std::string default_of(const Parameter& row) {
  Settings settings;
  fill(settings, fallbacks());
  return std::visit(
      [&](const auto& type) {
        const auto value = type.member.get(settings);
        return value ? cell(*value) : std::string();
      },
      row.type);
}

const char* effect(Change change) {
  switch (change) {
    case Change::live:
      return "next frame";
    case Change::session:
      return "another session";
    case Change::session_for_length:
      return "next frame; another session for another number of steps";
    case Change::engine:
      return "at the start";
  }
  return "";
}

/// "`--no-cache` (off)": what a flag that switches off does.
std::string flag_of(const Parameter& row) {
  const std::string all = row.in.flag, flag = all.substr(0, all.find(','));
  if (flag.empty()) return "";
  return flag.front() == '!' ? concat("`", flag.substr(1), "`: false") : concat("`", flag, "`");
}

}  // namespace

std::string markdown(Page page) {
  const bool protocol = page == Page::protocol;
  std::string text = protocol ? "| name | values | default | a change takes effect | |\n"
                                "|---|---|---|---|---|\n"
                              : "| key | flag | values | default | |\n|---|---|---|---|---|\n";
  for (const Parameter& row : parameters()) {
    if (!(protocol ? row.in.server : row.in.yaml)) continue;
    const std::string name = concat("`", row.name, "`"), values = describe(row.type);
    text += concat("| ", name, " | ", protocol ? values : flag_of(row), " | ",
                   protocol ? default_of(row) : values, " | ",
                   protocol ? effect(row.change) : default_of(row), " | ", row.help, " |\n");
  }
  return text;
}

}  // namespace streamdiffusion::params
