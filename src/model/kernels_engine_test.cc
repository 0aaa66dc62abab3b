// The kernels against the rules of every engine.
#include <gmock/gmock.h>

#include <set>

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
    made.push_back(model::classifier(g, source));
  }
  std::vector<Kernel> kernels;
  for (Result<Kernel>& kernel : made) {
    EXPECT_TRUE(kernel) << kernel.error().message;
    if (kernel) kernels.push_back(*std::move(kernel));
  }
  return kernels;
}

// But for one: weights beside the activations make a classifier's rows longer than the M1 takes.
TEST(KernelsOnEngines, BreakNoRuleThatSourcesAgreeOn) {
  const Geometry g{*find_config("stories110m"), 1, 256, mil::DType::fp16};
  std::set<std::string> broken;
  for (const Kernel& kernel : all_kernels(g)) {
    for (const std::string& chip : mil::chip_names()) {
      for (const char* system : {"macos15", "macos26", "macos27"}) {
        const mil::Profile profile = mil::parse_profile(chip + ":" + system).value();
        for (const mil::Finding& finding : mil::engine_findings(kernel.function, profile, &kernel.tables)) {
          if (finding.severity != mil::Severity::error) continue;
          const char* source = kernel.source == dynamic ? "dynamic" : "baked";
          broken.insert(fmt::format("{}, {}, on {}: {}", kernel.name, source, chip, finding.rule->id));
        }
      }
    }
  }
  EXPECT_THAT(broken, testing::ElementsAre("classifier, dynamic, on m1: S10"));
}

}  // namespace
}  // namespace anemone::model
