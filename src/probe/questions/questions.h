// Each question by itself; probe.cc lists them.
#pragma once

#include "probe/probe.h"

namespace anemone::probe {

Probe rmsnorm_bwd();
Probe classifier();
Probe weight_reload();
Probe weight_patch();
Probe perf_stats();
Probe qos_sweep();
Probe ane_advanced();
Probe causal_attn();
Probe sdpa5();
Probe conv_attn3();
Probe full_fused();
Probe fused_qkv();
Probe fused_bwd();
Probe dynamic_matmul();
Probe api();

}  // namespace anemone::probe
