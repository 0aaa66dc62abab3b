// Two copies of Protocol buffers live in one process: ours, which reads models, and the older one inside SentencePiece.
// Neither may call the other.
#include <dlfcn.h>
#include <gmock/gmock.h>

#include "mil/builder.h"
#include "mil/package/model.h"
#include "text/prepare.h"
#include "text/tokenizer.h"

namespace anemone {
namespace {

mil::Model sigmoid_model() {
  mil::Builder b;
  b.output("y", sigmoid(b.input("x", {mil::DType::fp16, {2, 3}})));
  return *mil::describe({.functions = {*b.finish()}});
}

TEST(Protobuf, TokenizersAndModelsWorkSideBySide) {
  const mil::Model model = sigmoid_model();
  const std::string text = "once upon a time there was a tokenizer that lived beside a model and both were well";
  for (int i = 0; i < 3; ++i) {
    const auto bytes = mil::encode_model(model);
    ASSERT_TRUE(bytes);
    const auto vocabulary = text::train_tokenizer(text, 290);
    ASSERT_TRUE(vocabulary) << vocabulary.error().message;
    EXPECT_EQ(*mil::decode_model(*bytes, "model"), model);
    const auto tokenizer = text::Tokenizer::parse(*vocabulary, "vocabulary");
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, true)), text);
    EXPECT_FALSE(mil::decode_model(std::as_bytes(std::span(*vocabulary)), "vocabulary"));
    EXPECT_FALSE(text::Tokenizer::parse({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, "model"));
  }
}

#ifdef __linux__
std::string file_of(const void* address) {
  Dl_info info{};
  return dladdr(address, &info) != 0 ? info.dli_fname : "";
}

// A function that this program exported would be found before SentencePiece's own, and would be called by it.
TEST(Protobuf, ThisProgramExportsNoneOfIt) {
  const std::string program = file_of(reinterpret_cast<const void*>(&file_of));
  for (const char* name : {"_ZNK6google8protobuf11MessageLite17SerializeAsStringB5cxx11Ev",
                           "_ZN6google8protobuf11MessageLite14ParseFromArrayEPKvi",
                           "_ZN6google8protobuf8internal20RepeatedPtrFieldBase7ReserveEi"}) {
    const void* address = dlsym(RTLD_DEFAULT, name);
    if (address != nullptr) {
      EXPECT_NE(file_of(address), program) << name;
    }
  }
}
#endif

}  // namespace
}  // namespace anemone
