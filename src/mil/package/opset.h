// The opsets of programs under the names that model messages give them, and the versions of models that have them.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace anemone::mil {

struct ProtoOpset {
  std::string_view name;
  int opset;
  int specification_version;
};
inline constexpr std::array<ProtoOpset, 5> kProtoOpsets{
    {{"CoreML5", 15, 6}, {"CoreML6", 16, 7}, {"CoreML7", 17, 8}, {"CoreML8", 18, 9}, {"CoreML9", 26, 10}}};

inline std::optional<int> opset_of(std::string_view name) {  // "CoreML8" is 18
  const auto* found = std::ranges::find(kProtoOpsets, name, &ProtoOpset::name);
  return found == kProtoOpsets.end() ? std::nullopt : std::optional(found->opset);
}

inline const ProtoOpset* find_proto_opset(int opset) {  // or null
  const auto* found = std::ranges::find(kProtoOpsets, opset, &ProtoOpset::opset);
  return found == kProtoOpsets.end() ? nullptr : found;
}

}  // namespace anemone::mil
