#include "control/preprocessor_of.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/hub_folder.h"
#include "base/lower_case.h"

namespace streamdiffusion::control {
namespace {

struct Word {
  std::string_view word;
  Preprocessor preprocessor = Preprocessor::passthrough;
  bool needs_network = false;
};

/// The first that a name contains counts: "recolor" comes before "color". The names are those of
/// lllyasviel's, thibaud's, xinsir's and TheMistoAI's ControlNets.
constexpr std::array kWords{Word{"canny", Preprocessor::canny},
                            Word{"softedge", Preprocessor::soft_edge},
                            Word{"soft_edge", Preprocessor::soft_edge},
                            Word{"soft-edge", Preprocessor::soft_edge},
                            Word{"hed", Preprocessor::soft_edge},
                            Word{"pidi", Preprocessor::soft_edge},
                            Word{"scribble", Preprocessor::scribble},
                            Word{"sketch", Preprocessor::scribble},
                            Word{"lineart", Preprocessor::lineart},
                            Word{"mistoline", Preprocessor::lineart},
                            Word{"anyline", Preprocessor::lineart},
                            Word{"tile", Preprocessor::tile},
                            Word{"blur", Preprocessor::blur},
                            Word{"recolor", Preprocessor::luminance},
                            Word{"brightness", Preprocessor::luminance},
                            Word{"luminance", Preprocessor::luminance},
                            Word{"color", Preprocessor::color},
                            Word{.word = "depth", .needs_network = true},
                            Word{.word = "openpose", .needs_network = true},
                            Word{.word = "pose", .needs_network = true},
                            Word{.word = "normal", .needs_network = true},
                            Word{.word = "mlsd", .needs_network = true},
                            Word{.word = "seg", .needs_network = true}};

/// Whether the word stands at the beginning of a part of the name: "seg" is not in "passage".
bool has_word(std::string_view name, std::string_view word) {
  for (std::size_t at = name.find(word); at != std::string_view::npos;
       at = name.find(word, at + 1)) {
    if (at == 0 || std::isalpha(static_cast<unsigned char>(name[at - 1])) == 0) return true;
  }
  return false;
}

}  // namespace

std::optional<NamedPreprocessor> preprocessor_of(const std::filesystem::path& net) {
  std::string name = base::model_name(net);
  name.erase(0, name.rfind('/') + 1);  // the organization's name tells nothing
  name = base::lower_case(std::move(name));
  const auto found =
      std::ranges::find_if(kWords, [&](const Word& w) { return has_word(name, w.word); });
  if (found == kWords.end()) return std::nullopt;
  return NamedPreprocessor{found->preprocessor, std::string(found->word), found->needs_network};
}

}  // namespace streamdiffusion::control
