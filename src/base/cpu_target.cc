#include "base/cpu_target.h"

#include <dnnl.h>
#include <fmt/ranges.h>
#include <hwy/highway.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace anemone {
namespace {

struct Target {
  std::string_view name;
  int64_t vectors;  // Highway's bit; the better a target, the lower its bit
  dnnl_cpu_isa_t products;
};

#if HWY_ARCH_X86
constexpr std::array kTargets{Target{"sse4", HWY_SSE4, dnnl_cpu_isa_sse41}, Target{"avx2", HWY_AVX2, dnnl_cpu_isa_avx2},
                              Target{"avx512", HWY_AVX3, dnnl_cpu_isa_avx512_core},
                              Target{"avx512-bf16", 1, dnnl_cpu_isa_avx512_core_bf16},
                              Target{"amx", 1, dnnl_cpu_isa_avx512_core_amx}};
#elif HWY_ARCH_ARM
constexpr std::array kTargets{Target{"neon", HWY_NEON, {}}};
#else
constexpr std::array<Target, 0> kTargets{};
#endif

// Vector targets by Highway's names, where ours differ.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kNames{
    {{"AVX3", "AVX-512"}, {"AVX3_DL", "AVX-512"}}};

Result<Target> find_target(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Target& target : kTargets) {
    if (target.name == name) return target;
    names.push_back(target.name);
  }
  return fail("there is no CPU target {} for this kind of processor: choose {}", name, fmt::join(names, ", "));
}

}  // namespace

Result<> cap_cpu_target(std::string_view name) {
  const Target target = TRY(find_target(name));
#if HWY_ARCH_X86
  if (dnnl_set_max_cpu_isa(target.products) != dnnl_success) {
    return fail("the CPU target {} cannot be set: set it before anything is computed", name);
  }
#endif
  hwy::DisableTargets(target.vectors - 1);  // all that are better
  return {};
}

Result<> cap_cpu_target_by_environment() {
  const char* name = std::getenv(kCpuTargetVariable);
  if (name == nullptr || *name == '\0') return {};
  return cap_cpu_target(name);
}

std::string_view vector_instructions() {
  const int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  const std::string_view name = hwy::TargetName(targets & -targets);  // the best is the lowest bit
  for (const auto& [theirs, ours] : kNames) {
    if (theirs == name) return ours;
  }
  return name;
}

std::string vector_library() { return fmt::format("Highway {}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH); }

}  // namespace anemone
