// MIL as text, laid out as Apple's compiler lays it out; a program of version 1.0 spells scalars as tensors of rank 0.
//
//   std::string text = print(function);
//   // program(1.3)
//   // [buildInfo = dict<string, string>({{"coremlc-component-MIL", "3510.2.1"}, …})]
//   // {
//   //     func main<ios18>(tensor<fp16, [1, 8, 1, 4]> x) {
//   //             tensor<fp16, [1, 8, 1, 4]> y = relu(x = x)[name = string("relu")];
//   //         } -> (y);
//   // }
//
// Numbers come back bit for bit: floats are written in hexadecimal, exactly (a NaN loses its sign and payload). A
// constant of a weight file is written as a reference; blob.h reads and writes such files.
#pragma once

#include <string>

#include "mil/function.h"

namespace anemone::mil {

// The literal of a constant: `0x1.8p-3`, `"valid"`, `[[1, 2], [3, 4]]`.
std::string to_text(const Tensor& tensor);
std::string print(const Program& program);
std::string print(const Function& function);  // a program of this function alone

}  // namespace anemone::mil
