// What fixes the shapes of a model's programs: the configuration and how many tokens go through at once.
//
// Activations are [1, C, 1, T], channel first, T = batch·S: sequence n holds columns [n·S, (n+1)·S). All but attention
// sees only T tokens.
#pragma once

#include "mil/type.h"
#include "model/config.h"

namespace anemone::model {

struct Geometry {
  Config config;
  int64_t batch = 1;
  int64_t seq = 0;
  mil::DType dtype = mil::DType::fp16;  // of activations and weights on the device

  int64_t tokens() const { return batch * seq; }
};

}  // namespace anemone::model
