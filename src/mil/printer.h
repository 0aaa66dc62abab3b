// MIL as text: program(1.3) with the spellings of ios18, laid out as Apple's compiler lays it out.
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

std::string print(const Program& program);
std::string print(const Function& function);  // a program of this function alone

// The parts of a statement's value: "a \"b\"", [[0x1p+0, 0x1p-1]], BLOBFILE(path = string("…"), offset = uint64(64)).
std::string quote(std::string_view text);
std::string literal(const Tensor& tensor);
std::string literal(const BlobReference& reference);

}  // namespace anemone::mil
