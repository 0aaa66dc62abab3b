// The kernels against the rules of every engine.
#include <gmock/gmock.h>

#include "mil/engine_rules.h"
#include "model/kernels.h"

namespace anemone::model {
namespace {

using enum Weight;
using enum WeightSource;

std::vector<Kernel> all_kernels(const Geometry& g) {
  std::vector<Result<Kernel>> made{attention_forward(g), ffn_forward(g), ffn_backward(g), qkv_backward(g),
                                   sdpa_forward(g),      wo_forward(g),  ffn_fused(g),    ffn_backward_w2(g),
                                   ffn_backward_w13(g),  wo_backward(g), q_backward(g),   kv_backward(g),
                                   vocabulary_softmax(g)};
  for (const WeightSource source : {baked, dynamic}) {
    made.push_back(sdpa_backward1(g, source));
    made.push_back(sdpa_backward2(g, source));
    made.push_back(norm_forward(g, source, final_norm));
    made.push_back(norm_backward(g, source, ffn_norm));
    made.push_back(classifier(g, source));
  }
  std::vector<Kernel> kernels;
  for (Result<Kernel>& kernel : made) {
    EXPECT_TRUE(kernel) << kernel.error().message;
    if (kernel) kernels.push_back(*std::move(kernel));
  }
  return kernels;
}

TEST(KernelsOnEngines, BreakNoRuleThatSourcesAgreeOn) {
  const Geometry g{*find_config("stories110m"), 1, 256, mil::DType::fp16};
  for (const Kernel& kernel : all_kernels(g)) {
    for (const std::string& chip : mil::chip_names()) {
      for (const char* system : {"macos15", "macos26", "macos27"}) {
        const mil::Profile profile = mil::parse_profile(chip + ":" + system).value();
        for (const mil::Finding& finding : mil::engine_findings(kernel.function, profile, &kernel.tables)) {
          EXPECT_NE(finding.severity, mil::Severity::error)
              << kernel.name << " on " << to_string(profile) << ": " << finding.rule->id << " " << finding.message;
        }
      }
    }
  }
}

}  // namespace
}  // namespace anemone::model
