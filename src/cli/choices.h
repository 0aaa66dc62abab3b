// Flags whose words stand for the values of an enumeration; another word is bad usage.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "device/device.h"
#include "train/options.h"

namespace anemone::cli {

template <class Enum>
using Words = std::map<std::string, Enum>;

inline const Words<model::WeightSource> kWeightSources{{"baked", model::WeightSource::baked},
                                                       {"dynamic", model::WeightSource::dynamic}};
inline const Words<train::Offload> kOffloads{{"core", train::Offload::core}, {"full", train::Offload::full}};
inline const Words<train::Schedule::Kind> kSchedules{{"cosine", train::Schedule::Kind::cosine},
                                                     {"constant", train::Schedule::Kind::constant}};
inline const Words<train::Sampling> kWindows{{"anywhere", train::Sampling::uniform},
                                             {"documents", train::Sampling::documents}};
// `auto`, as no flag, is what suits the device (device_flags.h).
inline const Words<std::optional<Precision>> kPrecisions{
    {"auto", std::nullopt}, {"fp32", Precision::fp32}, {"fp16", Precision::fp16}, {"bf16", Precision::bf16}};

// `value` is an Enum or a std::optional of one; it keeps what it holds unless the flag is given.
template <class Enum, class Target>
void add_choice(CLI::App& app, const std::string& name, Target& value, const Words<Enum>& words,
                const std::string& help) {
  app.add_option_function<std::string>(
         name, [&value, &words](const std::string& word) { value = words.at(word); }, help)
      ->check(CLI::IsMember(words));
}

// A device by name; what is none says which there are.
inline std::string is_device(const std::string& spec) {
  const auto device = anemone::open_device(spec);
  return device ? "" : device.error().message;
}

}  // namespace anemone::cli
