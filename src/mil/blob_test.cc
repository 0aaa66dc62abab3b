#include "mil/blob.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "mil/builder.h"
#include "mil/interpreter.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using Bytes = std::vector<std::byte>;

Tensor row(DType dtype, const std::vector<double>& values) {
  return Tensor::from_numbers({dtype, {static_cast<int64_t>(values.size())}}, values);
}

// Hexadecimal bytes, repeated where a count follows: "02 00x3".
Bytes hex(const std::string& dump) {
  Bytes bytes;
  std::istringstream words(dump);
  for (std::string word; words >> word;) {
    const size_t times = word.find('x');
    const int count = times == std::string::npos ? 1 : std::stoi(word.substr(times + 1));
    bytes.insert(bytes.end(), size_t(count), std::byte(std::stoi(word.substr(0, 2), nullptr, 16)));
  }
  return bytes;
}

class BlobTest : public testing::Test {
 protected:
  BlobTest() { std::filesystem::create_directories(folder_ + "/weights"); }
  ~BlobTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const Bytes& bytes, const std::string& name = "weights/w.bin") {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    return path;
  }
  std::string error(const Bytes& bytes) {
    const auto file = BlobFile::open(write(bytes));
    return file ? "" : file.error().message;
  }

  const std::string folder_ = testing::TempDir() + "/blob_test_" + std::to_string(getpid());
};

template <class T>
Bytes patched(Bytes bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  return bytes;
}

// Two blobs: fp16 [1.5, −2] and uint3 [1, 2, 7].
Bytes two_blobs() {
  return hex(
      "02 00x3 02 00x3 00x56 "
      "ef be ad de 01 00x3 04 00x7 80 00x7 00x8 00x32 00 3e 00 c0 00x60 "
      "ef be ad de 0c 00x3 02 00x7 00 01 00x6 07 00x7 00x32 d1 01 00x62");
}

TEST_F(BlobTest, WritesTheFormatByteForByte) {
  BlobWriter writer;
  EXPECT_EQ(*writer.add(row(DType::fp16, {1.5, -2})), 64u);
  EXPECT_EQ(*writer.add(row(DType::uint3, {1, 2, 7})), 192u);
  EXPECT_EQ(writer.bytes(), two_blobs());
  const std::string path = folder_ + "/saved.bin";
  ASSERT_TRUE(writer.save(path));
  EXPECT_EQ(*read_text(path), *read_text(write(two_blobs())));
}

TEST_F(BlobTest, ReadsWhatStandsThere) {
  const BlobFile file = *BlobFile::open(write(two_blobs()));
  EXPECT_EQ(file.count(), 2u);
  EXPECT_THAT(file.tensor(64, {DType::fp16, {2, 1}})->numbers(), ElementsAre(1.5, -2));
  EXPECT_THAT(file.tensor(192, {DType::uint3, {3}})->numbers(), ElementsAre(1, 2, 7));
}

TEST_F(BlobTest, EveryElementTypeOfTheFormatSurvives) {
  const std::vector<std::pair<DType, int>> codes{
      {DType::fp16, 1},   {DType::fp32, 2},   {DType::uint8, 3},  {DType::boolean, 3},
      {DType::int8, 4},   {DType::bf16, 5},   {DType::int16, 6},  {DType::uint16, 7},
      {DType::int4, 8},   {DType::uint1, 9},  {DType::uint2, 10}, {DType::uint4, 11},
      {DType::uint3, 12}, {DType::uint6, 13}, {DType::int32, 14}, {DType::uint32, 15}};
  BlobWriter writer;
  std::vector<std::pair<uint64_t, Tensor>> written;
  for (const auto& [dtype, code] : codes) {
    const Tensor tensor = row(dtype, {1, 0, 1, 1, 0, 0, 1});
    EXPECT_EQ(std::to_integer<int>((*write_blob(tensor))[68]), code) << to_string(dtype);
    written.emplace_back(*writer.add(tensor), tensor);
  }
  const BlobFile file = *BlobFile::open(write(writer.bytes()));
  for (const auto& [offset, tensor] : written) EXPECT_EQ(*file.tensor(offset, tensor.type()), tensor);
  for (DType dtype : {DType::fp64, DType::int64, DType::uint64}) {
    EXPECT_THAT(writer.add(row(dtype, {1})).error().message, HasSubstr("weight files hold no")) << to_string(dtype);
  }
  EXPECT_FALSE(write_blob(Tensor::text("a")));
}

TEST_F(BlobTest, FilesOfNoneOrOneBlobAreRead) {
  EXPECT_EQ(BlobFile::open(write(BlobWriter().bytes()))->count(), 0u);
  const Bytes empty = *write_blob(row(DType::fp32, {}));
  EXPECT_EQ(empty.size(), 128u);
  EXPECT_EQ(BlobFile::open(write(empty))->tensor(64, {DType::fp32, {0}})->bytes().size(), 0u);
}

TEST_F(BlobTest, ATensorKeepsTheMappingAlive) {
  const std::string path = write(two_blobs());
  Result<Tensor> tensor = fail("");
  {
    const BlobFile file = *BlobFile::open(path);
    tensor = file.tensor(64, {DType::fp16, {2}});
  }
  std::filesystem::remove(path);
  EXPECT_THAT(tensor->numbers(), ElementsAre(1.5, -2));
}

TEST_F(BlobTest, TruncationAtEveryLengthIsRefusedUntilOnlyPaddingIsLost) {
  const std::string path = write(two_blobs());
  for (size_t length = 320; length-- > 0;) {
    std::filesystem::resize_file(path, length);
    const auto file = BlobFile::open(path);
    EXPECT_EQ(file.has_value(), length >= 258) << length;
    if (!file) {
      EXPECT_THAT(file.error().message, StartsWith(path + ": ")) << length;
    }
  }
}

TEST_F(BlobTest, EveryWrongFieldIsNamedWithItsOffset) {
  const Bytes good = two_blobs();
  EXPECT_EQ(error(good), "");
  EXPECT_THAT(error(patched(good, 4, uint32_t{1})), HasSubstr("offset 4: the weight file has version 1, expected 2"));
  EXPECT_THAT(error(patched(good, 63, uint8_t{1})), HasSubstr("offset 8: reserved bytes of the header"));
  EXPECT_THAT(error(patched(good, 192, uint8_t{0})), HasSubstr("offset 192: the sentinel"));
  EXPECT_THAT(error(patched(good, 68, uint32_t{0})), HasSubstr("offset 64: the element type is unknown"));
  EXPECT_THAT(error(patched(good, 68, uint32_t{18})), HasSubstr("offset 64: the element type is unknown"));
  EXPECT_THAT(error(patched(good, 80, uint64_t{0})), HasSubstr("offset 64: the data does not follow"));
  EXPECT_THAT(error(patched(good, 88, uint64_t{8})), HasSubstr("offset 64: there are more than 7 unused bits"));
  EXPECT_THAT(error(patched(good, 127, uint8_t{1})), HasSubstr("offset 64: reserved bytes are not zero"));
}

TEST_F(BlobTest, HostileSizesAndCountsOverflowNothing) {
  const Bytes good = two_blobs();
  for (uint64_t size : {UINT64_MAX, UINT64_MAX - 63, UINT64_MAX - 127, uint64_t{1} << 63, uint64_t{193}}) {
    EXPECT_THAT(error(patched(good, 72, size)), HasSubstr("offset 64: the data reaches past the end")) << size;
  }
  EXPECT_THAT(error(patched(good, 80, UINT64_MAX)), HasSubstr("offset 64: the data does not follow"));
  EXPECT_THAT(error(patched(good, 0, UINT32_MAX)), HasSubstr("offset 320: the file ends within a blob's metadata"));
  EXPECT_THAT(error(patched(good, 0, uint32_t{1})), HasSubstr("offset 132: there is more after the 1 blobs"));
  EXPECT_THAT(error(patched(good, 0, uint32_t{0})), HasSubstr("offset 64: there is more after the 0 blobs"));
  EXPECT_THAT(error(patched(good, 319, uint8_t{1})), HasSubstr("offset 258: there is more"));
}

TEST_F(BlobTest, OtherFilesSayWhatTheyAre) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\n";
  const auto bytes = std::as_bytes(std::span(pointer));
  EXPECT_THAT(error({bytes.begin(), bytes.end()}), HasSubstr("is a Git LFS pointer: fetch the real content"));
  EXPECT_THAT(error({}), HasSubstr("has a header of 64 bytes, this one ends after 0"));
  EXPECT_THAT(BlobFile::open(folder_ + "/none").error().message, HasSubstr("cannot open"));
}

TEST_F(BlobTest, ATensorOfAnotherTypeOrPlaceIsRefused) {
  const BlobFile file = *BlobFile::open(write(two_blobs()));
  const auto error = [&](uint64_t offset, const TensorType& type) { return file.tensor(offset, type).error().message; };
  for (uint64_t offset : {uint64_t{0}, uint64_t{128}, uint64_t{65}, uint64_t{320}, UINT64_MAX}) {
    EXPECT_THAT(error(offset, {DType::fp16, {2}}), HasSubstr("no blob's metadata stands there")) << offset;
  }
  EXPECT_THAT(error(64, {DType::bf16, {2}}), HasSubstr("offset 64: the blob's element type is number 1"));
  EXPECT_THAT(error(64, {DType::fp16, {3}}), HasSubstr("has 4 bytes and 0 unused bits, but tensor<fp16, [3]> needs 6"));
  EXPECT_THAT(error(192, {DType::uint3, {4}}), HasSubstr("7 unused bits, but tensor<uint3, [4]> needs 2 and 4"));
  EXPECT_THAT(error(64, {DType::fp16, {1 << 30, 1 << 30, 1 << 30, 1 << 30}}), HasSubstr("too large"));
  EXPECT_THAT(error(64, {DType::string, {}}), HasSubstr("weight files hold no string"));
}

class LoadWeightsTest : public BlobTest {
 protected:
  static Function product() {
    Builder b;
    const Value x = b.input("x", {DType::fp16, {2}}), w = b.weight("a", {DType::fp16, {2}});
    b.output("y", x * w + b.weight("b", {DType::fp16, {2}}));
    return *b.finish();
  }
  static void refer(Function& function, const std::string& name, BlobReference reference) {
    for (ValueInfo& value : function.values) {
      if (value.name == name) value.blob = std::move(reference);
    }
  }
};

TEST_F(LoadWeightsTest, EachReferenceFindsItsFile) {
  write(*write_blob(row(DType::fp16, {2, 3})), "weights/a.bin");
  write(*write_blob(row(DType::fp16, {10, 20})), "weights/b.bin");
  const Weights weights = *load_weights(product(), folder_);
  const Interpreter interpreter = *Interpreter::create(product(), weights, Rounding::declared);
  Array x = to_array(row(DType::fp16, {5, 7}));
  EXPECT_THAT(interpreter.run({x})[0].data, ElementsAre(20, 41));
}

TEST_F(LoadWeightsTest, OneFileMayHoldSeveral) {
  BlobWriter writer;
  Function function = product();
  refer(function, "a", {"@model_path/weight.bin", *writer.add(row(DType::fp16, {2, 3}))});
  refer(function, "b", {"@model_path/weight.bin", *writer.add(row(DType::fp16, {10, 20}))});
  ASSERT_TRUE(writer.save(folder_ + "/weight.bin"));
  const Weights weights = *load_weights(function, folder_);
  EXPECT_THAT(weights.find({"@model_path/weight.bin", 192}, {DType::fp16, {2}})->numbers(), ElementsAre(10, 20));
}

TEST_F(LoadWeightsTest, AMissingFileIsNamed) {
  EXPECT_THAT(load_weights(product(), folder_).error().message, HasSubstr("cannot open " + folder_ + "/weights/a.bin"));
}

TEST_F(LoadWeightsTest, NothingOutsideTheFolderIsOpened) {
  for (const char* path : {"weights/a.bin", "/etc/passwd", "@model_path/../a.bin", "@model_path/x/../../a.bin",
                           "@model_path//etc/passwd", "@model_path/"}) {
    Function function = product();
    refer(function, "a", {path, 64});
    EXPECT_THAT(load_weights(function, folder_).error().message, StartsWith(std::string("weight ") + path)) << path;
  }
}

}  // namespace
}  // namespace anemone::mil
