#include "probe/probe.h"

#include <algorithm>
#include <array>

#include "probe/questions/questions.h"

namespace anemone::probe {

std::vector<Finding> Probe::run(Device& device, Precision precision) const {
  Inquiry inquiry(device, precision);
  inquiry.part(std::string(name), [&] { return ask(inquiry); });
  return inquiry.findings();
}

std::span<const Probe> probes() {
  static const std::array kProbes{rmsnorm_bwd(), classifier(),   weight_reload(), weight_patch(),   perf_stats(),
                                  qos_sweep(),   ane_advanced(), causal_attn(),   sdpa5(),          conv_attn3(),
                                  full_fused(),  fused_qkv(),    fused_bwd(),     dynamic_matmul(), api()};
  return kProbes;
}

const Probe* find_probe(std::string_view name) {
  constexpr std::string_view kPrefix = "test_";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  const auto found = std::ranges::find(probes(), name, &Probe::name);
  return found == probes().end() ? nullptr : &*found;
}

}  // namespace anemone::probe
