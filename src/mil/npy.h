// NumPy's files of one array, .npy.
//
//   byte 0   magic     0x93 "NUMPY"
//        6   version   major · minor: 1.0; 2.0 and 3.0 are read too
//        8   length    of the header: u16, from 2.0 on u32
//            header    a Python dictionary, padded with spaces up to a multiple of 64 and ended by a newline:
//                      {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
//            data      packed, little-endian
//
//   Tensor x = TRY(read_npy("x.npy"));
//   TRY(write_npy("y.npy", y));                 // numpy.load reads it; the bytes are numpy.save's (1.24)
//
// Element types: f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8, b1. The file is mapped; a tensor whose file is in Fortran's order
// is a copy.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mil/tensor.h"

namespace anemone::mil {

Result<Tensor> read_npy(const std::string& path);
Result<> write_npy(const std::string& path, const Tensor& tensor);  // replaced atomically

// The same over bytes that `owner` keeps alive, or the caller; `name` is for messages.
Result<Tensor> parse_npy(std::string_view name, std::span<const std::byte> bytes,
                         std::shared_ptr<const void> owner = nullptr);
// All that stands before the data. An error where NumPy has no such type.
Result<std::string> npy_header(const TensorType& type);

}  // namespace anemone::mil
