// How `--help` looks. Included where the parser's header is.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace streamdiffusion::app {

/// The parser's layout with lines of at most 100 columns, one blank line between groups, and no
/// "{false}" behind flags that switch something off.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kColumn); }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (std::size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;)
      text.erase(at, 1);
    return text;
  }
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    const std::string name = CLI::Formatter::make_option_name(option, is_positional);
    return name.substr(0, name.find('{'));
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(option->get_description(), kWidth - kColumn);
  }
  std::string make_description(const CLI::App* app) const override {
    return wrapped(app->get_description(), kWidth) + '\n';
  }

 private:
  static constexpr std::size_t kColumn = 36, kWidth = 100;

  /// Breaks at spaces; a word longer than `width` stays whole.
  static std::string wrapped(std::string_view text, std::size_t width) {
    std::string lines;
    while (text.size() > width) {
      std::size_t space = text.rfind(' ', width);
      if (space == std::string_view::npos) space = text.find(' ', width);
      if (space == std::string_view::npos) break;
      lines.append(text.substr(0, space)) += '\n';
      text.remove_prefix(space + 1);
    }
    return lines.append(text);
  }
};

}  // namespace streamdiffusion::app
