// How the programs that are timed use int8.
//
//   x = conv(through_int8(x, 0.125), int8_weight(b, "w", {512, 512, 1, 1}, 0.125));    // W8A8
#pragma once

#include <string>

#include "mil/builder.h"

namespace anemone::bench {

// A constant of int8 in weight file `name`, times `scale`: fp16.
mil::Value int8_weight(mil::Builder& b, const std::string& name, const mil::Shape& shape, double scale);

// To int8 and back, as between the convolutions of a W8A8 chain; x is fp16.
mil::Value through_int8(mil::Value x, double scale);

}  // namespace anemone::bench
