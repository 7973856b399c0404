// The words for choices: the same in flags, configuration files, the server's protocol and a
// model's folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "streamdiffusion/image.h"
#include "streamdiffusion/options.h"
#include "streamdiffusion/session.h"

namespace streamdiffusion {

/// Each choice with its word, in the order in which they are listed.
template <typename Choice>
using Names = std::vector<std::pair<std::string, Choice>>;

inline const Names<CfgType> kCfgTypes{{"none", CfgType::none},
                                      {"full", CfgType::full},
                                      {"self", CfgType::self},
                                      {"initialize", CfgType::initialize}};
inline const Names<DataType> kDataTypes{{"auto", DataType::automatic},
                                        {"f32", DataType::f32},
                                        {"bf16", DataType::bf16},
                                        {"f16", DataType::f16},
                                        {"int8", DataType::int8}};
inline const Names<Scheduler> kSchedulers{{"lcm", Scheduler::lcm},
                                          {"euler", Scheduler::euler},
                                          {"euler_ancestral", Scheduler::euler_ancestral},
                                          {"ddim", Scheduler::ddim},
                                          {"tcd", Scheduler::tcd}};
inline const Names<TimestepSpacing> kTimestepSpacings{{"lcm", TimestepSpacing::lcm},
                                                      {"trailing", TimestepSpacing::trailing},
                                                      {"leading", TimestepSpacing::leading},
                                                      {"linspace", TimestepSpacing::linspace}};
inline const Names<PredictionType> kPredictionTypes{{"epsilon", PredictionType::epsilon},
                                                    {"v_prediction", PredictionType::v},
                                                    {"sample", PredictionType::sample}};
inline const Names<Parallel> kParallels{
    {"auto", Parallel::automatic}, {"ops", Parallel::ops}, {"rows", Parallel::rows}};
inline const Names<Fit> kFits{
    {"cover", Fit::cover}, {"contain", Fit::contain}, {"stretch", Fit::stretch}};
inline const Names<PromptSyntax> kPromptSyntaxes{{"emphasis", PromptSyntax::emphasis},
                                                 {"text", PromptSyntax::text}};
inline const Names<TextEncoders> kTextEncoders{{"auto", TextEncoders::automatic},
                                               {"keep", TextEncoders::keep},
                                               {"release", TextEncoders::release}};
inline const Names<Interpolation> kInterpolations{{"slerp", Interpolation::slerp},
                                                  {"linear", Interpolation::linear}};

inline const Names<Preprocessor> kPreprocessors{
    {"auto", Preprocessor::automatic},      {"passthrough", Preprocessor::passthrough},
    {"canny", Preprocessor::canny},         {"soft_edge", Preprocessor::soft_edge},
    {"scribble", Preprocessor::scribble},   {"lineart", Preprocessor::lineart},
    {"blur", Preprocessor::blur},           {"tile", Preprocessor::tile},
    {"luminance", Preprocessor::luminance}, {"color", Preprocessor::color}};

inline const Names<ImageLayers> kImageLayers{{"whole", ImageLayers::whole},
                                             {"style", ImageLayers::style},
                                             {"composition", ImageLayers::composition}};

/// What a word stands for; nothing if it is not among them.
template <typename Choice>
std::optional<Choice> choice_of(const Names<Choice>& names, std::string_view word) {
  for (const auto& [name, choice] : names)
    if (name == word) return choice;
  return std::nullopt;
}

/// The word for a choice.
template <typename Choice>
std::string name_of(const Names<Choice>& names, Choice wanted) {
  for (const auto& [name, choice] : names)
    if (choice == wanted) return name;
  return "?";
}

}  // namespace streamdiffusion
