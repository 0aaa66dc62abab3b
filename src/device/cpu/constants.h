// The constants of a plan, in the form that its steps read, and how they take new values.
//
//   Constant w = Constant::words(tensor, Rounding::half);      // floats, rounded to halves
//   Constant f = Constant::factor(tensor);                     // bfloat16, for matrix products
//   Constant h = Constant::stored(tensor);                     // the tensor's own elements, of 16 bits
//   h.place(memory);                                           // of narrow_count() elements, before it is read
//   View v = w.view(buffer);                                   // where its elements stand: perhaps transposed
//   w.load(new_tensor);                                        // in place
#pragma once

#include "base/buffer.h"
#include "device/cpu/kernels/rounding.h"
#include "device/layout.h"
#include "mil/function.h"

namespace anemone::cpu {

class Constant {
 public:
  // Words (kernels/words.h), left where they are unless they have to be converted or rounded.
  static Constant words(const mil::Tensor& tensor, Rounding rounding);
  // Packed bfloat16.
  static Constant factor(const mil::Tensor& tensor);
  // Packed, of the tensor's type, left where they are unless they have yet to be made.
  static Constant stored(const mil::Tensor& tensor);
  static bool can_be_stored(const mil::Tensor& tensor);  // is aligned, or will be

  // How many elements of 16 bits it needs memory for, and that memory.
  size_t narrow_count() const;
  void place(uint16_t* memory);
  // Takes another tensor of the same type, from the same kind of place.
  void load(const mil::Tensor& tensor);
  // Whether it was made of floats elsewhere, and takes in rows of them that have changed.
  bool refreshes() const;
  void refresh(int64_t row, int64_t rows);
  const void* data() const;
  View view(BufferId buffer) const;

 private:
  enum class Form : uint8_t { words, factor, stored };
  Constant(const mil::Tensor& tensor, Form form, Rounding rounding);
  const void* in_place() const;
  void load_narrow();

  mil::Tensor tensor_;  // kept for its type, and where its memory is read
  Form form_;
  Rounding rounding_;
  Buffer<float> floats_;
  uint16_t* narrow_ = nullptr;
};

// Where in a program's weight files a value comes from.
struct Origin {
  mil::BlobReference blob;
  mil::TensorType type;  // as it is declared there
};

}  // namespace anemone::cpu
