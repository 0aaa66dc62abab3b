// The processor's instruction sets that vector kernels and matrix products are chosen for at run time: the best that it
// has, unless capped.
//
//   TRY(cap_cpu_target("avx2"));        // before the first product; nothing beyond AVX2 from here on
//   vector_instructions();              // "AVX2", or less where the processor has less
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace anemone {

// The variable of the environment that names a cap; programs read it as they start.
inline constexpr char kCpuTargetVariable[] = "ANEMONE_CPU_TARGET";

// Keeps Highway's kernels and oneDNN's products to the instructions of `name`: on x86-64 sse4, avx2, avx512,
// avx512-bf16 (its vectors are avx512's) or amx, elsewhere on ARM neon. Fails where the name is none of these, or where
// products have been computed already.
Result<> cap_cpu_target(std::string_view name);

// cap_cpu_target by kCpuTargetVariable, where it is set.
Result<> cap_cpu_target_by_environment();

// What the kernels run on: "AVX-512", "AVX2", "SSE4", "NEON", ….
std::string_view vector_instructions();

// "Highway 1.0.3"
std::string vector_library();

}  // namespace anemone
