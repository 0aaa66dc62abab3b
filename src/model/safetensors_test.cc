#include "model/safetensors.h"

#include <gmock/gmock.h>

#include <cstring>
#include <fstream>

#include "base/half.h"

namespace anemone::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string temporary(const std::string& name) { return testing::TempDir() + "anemone_safetensors_" + name; }

std::string write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// A file of this header and this many bytes of data.
std::string file_with(std::string_view header, size_t data) {
  const uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + std::string(header) + std::string(data, 'x');
}

std::string error_of(std::string_view bytes) {
  const Result<SafetensorsFile> file = SafetensorsFile::open(write_file(temporary("hostile.safetensors"), bytes));
  return file ? "" : file.error().message;
}

template <class T>
std::vector<T> values_of(const StoredTensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

// Written by the format's own package (tests/golden/safetensors/make.py).
TEST(Safetensors, ReadsAFileOfTheOfficialPackage) {
  const Result<SafetensorsFile> file =
      SafetensorsFile::open(ANEMONE_SOURCE_DIR "/tests/golden/safetensors/official.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors().size(), 10);
  EXPECT_EQ(file->metadata().at("author"), "the official package, ünïcode");
  EXPECT_FALSE(file->checksummed());
  EXPECT_EQ(file->find("missing"), nullptr);

  std::vector<float> floats(6), halves(3);
  read_floats(*file->find("floats"), floats);
  read_floats(*file->find("halves"), halves);
  EXPECT_THAT(floats, ElementsAre(0.5F, -1.25F, 3.0F, 1e-30F, 65504.0F, -0.0F));
  EXPECT_THAT(halves, ElementsAre(1.0F, -2.5F, 0x1p-24F));
  EXPECT_EQ(file->find("floats")->shape, (mil::Shape{2, 3}));
  EXPECT_EQ(file->find("scalar")->shape, mil::Shape{});
  EXPECT_EQ(file->find("empty")->shape, (mil::Shape{0, 5}));
  EXPECT_THAT(values_of<double>(*file->find("doubles")), ElementsAre(3.141592653589793));
  EXPECT_THAT(values_of<int64_t>(*file->find("ids")), ElementsAre(1, -7));
  EXPECT_THAT(values_of<int32_t>(*file->find("counts")), ElementsAre(3, -4));
  EXPECT_THAT(values_of<uint8_t>(*file->find("bytes")), ElementsAre(255, 0, 7));
  EXPECT_THAT(values_of<uint64_t>(*file->find("big")), ElementsAre(UINT64_MAX));
  EXPECT_EQ(file->find("flags")->dtype, mil::DType::boolean);
}

struct Sample {
  std::vector<float> floats{1, 2, 3, 4, 5, 6};
  std::vector<uint8_t> bytes{7, 8, 9};
  std::vector<BFloat16> bfloats{BFloat16::from(1.5F), BFloat16::from(-3)};
  std::vector<StoredTensor> tensors{
      {"floats", mil::DType::fp32, {2, 3}, std::as_bytes(std::span(floats))},
      {"bytes", mil::DType::uint8, {3}, std::as_bytes(std::span(bytes))},
      {"odd place", mil::DType::bf16, {2, 1}, std::as_bytes(std::span(bfloats))},
      {"none", mil::DType::fp32, {0}, {}},
  };
};

std::string save_sample() {
  std::string path = temporary("sample.safetensors");
  const Result<> saved = save_safetensors(path, Sample().tensors, {{"note", "line\n\"two\""}});
  EXPECT_TRUE(saved) << saved.error().message;
  return path;
}

TEST(Safetensors, WhatIsWrittenIsRead) {
  const Result<SafetensorsFile> file = SafetensorsFile::open(save_sample());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->checksummed());
  EXPECT_EQ(file->metadata().at("note"), "line\n\"two\"");
  ASSERT_EQ(file->tensors().size(), 4);
  EXPECT_EQ(file->tensors()[1].name, "bytes");
  EXPECT_THAT(values_of<float>(*file->find("floats")), ElementsAre(1, 2, 3, 4, 5, 6));
  std::vector<float> bfloats(2);
  read_floats(*file->find("odd place"), bfloats);
  EXPECT_THAT(bfloats, ElementsAre(1.5F, -3));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->find("floats")->bytes.data()) % 8, 0);
}

TEST(Safetensors, ADamagedByteFailsTheChecksum) {
  std::string bytes = *read_text(save_sample());
  bytes[bytes.size() - 9] ^= 1;
  EXPECT_THAT(error_of(bytes), HasSubstr("hostile.safetensors is damaged: the checksum of its data is"));
}

TEST(Safetensors, ATruncatedFileIsRefusedWithItsSizes) {
  const std::string bytes = *read_text(save_sample());
  EXPECT_THAT(error_of(bytes.substr(0, bytes.size() - 1)), HasSubstr("is cut short: tensor"));
  EXPECT_THAT(error_of(bytes.substr(0, bytes.size() - 1)),
              HasSubstr("ends at byte 31 of the data, and the file holds 30"));
  EXPECT_THAT(error_of(bytes.substr(0, 50)), HasSubstr("and the file holds 50"));
  EXPECT_THAT(error_of(bytes.substr(0, 5)), HasSubstr("is 5 bytes long"));
  EXPECT_THAT(error_of(""), HasSubstr("is 0 bytes long"));
  EXPECT_THAT(error_of(bytes + "x"), HasSubstr("has 32 bytes of data, but its tensors end at 31"));
}

// No damage crashes the reader; in the data none passes.
TEST(Safetensors, SurvivesFlippedBits) {
  const std::string bytes = *read_text(save_sample());
  for (size_t i = 0; i < bytes.size(); i += 3) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    const std::string error = error_of(damaged);
    if (i >= bytes.size() - 31) {
      EXPECT_THAT(error, HasSubstr("damaged"));
    }
  }
}

TEST(Safetensors, RefusesHostileHeaders) {
  const auto entry = [](std::string_view body) { return fmt::format(R"({{"w": {{{}}}}})", body); };
  const std::pair<std::string, const char*> cases[] = {
      {"", "is not valid JSON"},
      {"[1]", "is not a JSON object"},
      {"{\"a\": 1", "is not valid JSON"},
      {R"({"w": 1})", "tensor w needs dtype, shape and data_offsets"},
      {entry(R"("dtype": "F32", "shape": [2])"), "tensor w needs dtype, shape and data_offsets"},
      {entry(R"("dtype": "F32", "shape": [2], "data_offsets": [0, 8], "x": 1)"), "and nothing else"},
      {entry(R"("dtype": "F31", "shape": [2], "data_offsets": [0, 8])"), "unknown dtype F31"},
      {entry(R"("dtype": 32, "shape": [2], "data_offsets": [0, 8])"), "unknown dtype 32"},
      {entry(R"("dtype": "F32", "shape": 2, "data_offsets": [0, 8])"), "the shape of tensor w"},
      {entry(R"("dtype": "F32", "shape": [-2], "data_offsets": [0, 8])"), "the shape of tensor w"},
      {entry(R"("dtype": "F32", "shape": [2.0], "data_offsets": [0, 8])"), "the shape of tensor w"},
      {entry(R"("dtype": "F32", "shape": [18446744073709551615], "data_offsets": [0, 8])"), "the shape of tensor w"},
      {entry(R"("dtype": "F32", "shape": [4611686018427387906], "data_offsets": [0, 8])"), "does not fill"},
      {entry(R"("dtype": "F32", "shape": [4294967296, 4294967296, 2], "data_offsets": [0, 8])"), "does not fill"},
      {entry(R"("dtype": "F32", "shape": [3], "data_offsets": [0, 8])"), "has 8 bytes, which its shape [3] of F32"},
      {entry(R"("dtype": "F32", "shape": [2], "data_offsets": [8, 0])"), "not two ascending whole numbers"},
      {entry(R"("dtype": "F32", "shape": [2], "data_offsets": [0])"), "not two ascending whole numbers"},
      {entry(R"("dtype": "F32", "shape": [2], "data_offsets": [-8, 0])"), "not two ascending whole numbers"},
      {entry(R"("dtype": "F32", "shape": [2], "data_offsets": [4, 12])"), "cut short: tensor w ends at byte 12"},
      {entry(R"("dtype": "F32", "shape": [1], "data_offsets": [4, 8])"), "begins at byte 4 of the data"},
      {entry(R"("dtype": "F32", "shape": [1], "data_offsets": [0, 4])"), "8 bytes of data, but its tensors end at 4"},
      {R"({"a": {"dtype": "U8", "shape": [6], "data_offsets": [0, 6]},
           "b": {"dtype": "U8", "shape": [3], "data_offsets": [5, 8]}})",
       "tensor b begins at byte 5 of the data, but the one before it ends at 6"},
      {R"({"a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]},
           "a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}})",
       "has the key \"a\" twice"},
      {R"({"__metadata__": {"n": 1}})", "metadata n is not a text"},
      {R"({"__metadata__": "n"})", "__metadata__ is not an object"},
      {R"({"__metadata__": {"xxh64": "0"}, "a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}})", "is damaged"},
  };
  for (const auto& [header, message] : cases) {
    EXPECT_THAT(error_of(file_with(header, 8)), HasSubstr(message)) << header;
    EXPECT_THAT(error_of(file_with(header, 8)), HasSubstr("hostile.safetensors")) << header;
  }
  EXPECT_THAT(error_of(std::string(16, '\xff')), HasSubstr("is not a safetensors file"));
  EXPECT_EQ(error_of(file_with("{}", 0)), "");
}

TEST(Safetensors, NamesThePathItCannotWrite) {
  EXPECT_THAT(save_safetensors("/no/such/place", Sample().tensors, {}).error().message, HasSubstr("/no/such/place"));
}

}  // namespace
}  // namespace anemone::model
