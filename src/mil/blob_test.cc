#include "mil/blob.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "base/file.h"
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
    std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    return path;
  }
  // Why it is no file of ours; empty where it is.
  static std::string error(const Bytes& bytes) {
    const auto file = BlobFile::view("w.bin", bytes);
    if (!file) return file.error().message;
    const auto checked = file->check();
    return checked ? "" : checked.error().message;
  }
  static Result<BlobTensor> read(const Bytes& bytes, uint64_t offset, const TensorType& type) {
    const auto owner = std::make_shared<const Bytes>(bytes);
    return BlobFile::view("w.bin", *owner, owner)->tensor(offset, type);
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
  EXPECT_THAT(file.offsets(), ElementsAre(64, 192));
  EXPECT_TRUE(file.check());
  const BlobTensor halves = *file.tensor(64, {DType::fp16, {2, 1}});
  EXPECT_THAT(halves.tensor.numbers(), ElementsAre(1.5, -2));
  EXPECT_EQ(halves.quirk, BlobQuirk::none);
  EXPECT_THAT(file.tensor(192, {DType::uint3, {3}})->tensor.numbers(), ElementsAre(1, 2, 7));
}

TEST_F(BlobTest, EveryElementTypeOfTheFormatSurvives) {
  const std::vector<std::pair<DType, int>> codes{
      {DType::fp16, 1},    {DType::fp32, 2},      {DType::uint8, 3},  {DType::boolean, 3}, {DType::int8, 4},
      {DType::bf16, 5},    {DType::int16, 6},     {DType::uint16, 7}, {DType::int4, 8},    {DType::uint1, 9},
      {DType::uint2, 10},  {DType::uint4, 11},    {DType::uint3, 12}, {DType::uint6, 13},  {DType::int32, 14},
      {DType::uint32, 15}, {DType::f8e4m3fn, 16}, {DType::f8e5m2, 17}};
  BlobWriter writer;
  std::vector<std::pair<uint64_t, Tensor>> written;
  for (const auto& [dtype, code] : codes) {
    const Tensor tensor = row(dtype, {1, 0, 1, 1, 0, 0, 1});
    EXPECT_EQ(std::to_integer<int>((*write_blob(tensor))[68]), code) << to_string(dtype);
    written.emplace_back(*writer.add(tensor), tensor);
  }
  const BlobFile file = *BlobFile::open(write(writer.bytes()));
  EXPECT_TRUE(file.check());
  EXPECT_EQ(file.offsets().size(), codes.size());
  for (const auto& [offset, tensor] : written) {
    const BlobTensor back = *file.tensor(offset, tensor.type());
    EXPECT_EQ(back.tensor, tensor) << to_string(tensor.type());
    EXPECT_EQ(back.quirk, BlobQuirk::none);
  }
  for (DType dtype : {DType::fp64, DType::int64, DType::uint64}) {
    EXPECT_THAT(writer.add(row(dtype, {1})).error().message, HasSubstr("weight files hold no")) << to_string(dtype);
  }
  EXPECT_FALSE(write_blob(Tensor::text("a")));
}

TEST_F(BlobTest, FilesOfNoneOrOneBlobAreRead) {
  EXPECT_EQ(error(BlobWriter().bytes()), "");
  const Bytes empty = *write_blob(row(DType::fp32, {}));
  EXPECT_EQ(empty.size(), 128u);
  EXPECT_EQ(BlobFile::open(write(empty))->tensor(64, {DType::fp32, {0}})->tensor.bytes().size(), 0u);
  const BlobTensor scalar = *read(*write_blob(Tensor::scalar(DType::uint3, 5)), 64, {DType::uint3, {}});
  EXPECT_EQ(scalar.tensor.number(0), 5);
}

TEST_F(BlobTest, ATensorKeepsTheMappingAlive) {
  const std::string path = write(two_blobs());
  Result<Tensor> tensor = fail("");
  {
    const BlobFile file = *BlobFile::open(path);
    tensor = file.tensor(64, {DType::fp16, {2}})->tensor;
  }
  std::filesystem::remove(path);
  EXPECT_THAT(tensor->numbers(), ElementsAre(1.5, -2));
}

TEST_F(BlobTest, TruncationAtEveryLengthIsSeenUntilOnlyPaddingIsLost) {
  const Bytes good = two_blobs();
  for (size_t length = 320; length-- > 0;) {
    const Bytes cut(good.begin(), good.begin() + std::ptrdiff_t(length));
    EXPECT_EQ(error(cut).empty(), length >= 258) << length;
    if (length < 64) continue;
    EXPECT_EQ(read(cut, 64, {DType::fp16, {2}}).has_value(), length >= 132) << length;
    EXPECT_EQ(read(cut, 192, {DType::uint3, {3}}).has_value(), length >= 258) << length;
  }
}

TEST_F(BlobTest, EveryWrongFieldIsNamedWithItsOffset) {
  const Bytes good = two_blobs();
  EXPECT_EQ(error(good), "");
  EXPECT_THAT(error(patched(good, 4, uint32_t{1})), HasSubstr("offset 4: version 1, an Espresso blob, is not read"));
  EXPECT_THAT(error(patched(good, 4, uint32_t{3})), HasSubstr("offset 4: the weight file has version 3, expected 2"));
  EXPECT_THAT(error(patched(good, 63, uint8_t{1})), HasSubstr("offset 8: reserved bytes of the header"));
  EXPECT_THAT(error(patched(good, 192, uint8_t{0})), HasSubstr("offset 192: no blob's metadata stands there"));
  EXPECT_THAT(error(patched(good, 68, uint32_t{0})), HasSubstr("offset 64: the element type is unknown"));
  EXPECT_THAT(error(patched(good, 68, uint32_t{18})), HasSubstr("offset 64: the element type is unknown"));
  EXPECT_THAT(error(patched(good, 80, uint64_t{0})), HasSubstr("offset 64: the data does not follow"));
  EXPECT_THAT(error(patched(good, 88, uint64_t{8})), HasSubstr("offset 64: there are more than 7 unused bits"));
  EXPECT_THAT(error(patched(good, 88, uint64_t{7})), HasSubstr("4 bytes less 7 bits hold no whole number of elements"));
  EXPECT_THAT(error(patched(good, 72, uint64_t{3})), HasSubstr("3 bytes less 0 bits hold no whole number of elements"));
  EXPECT_THAT(error(patched(good, 191, uint8_t{1})), HasSubstr("offset 132: the padding is not zero"));
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
  EXPECT_THAT(error({bytes.begin(), bytes.end()}), HasSubstr("file is a Git LFS pointer; fetch the real content"));
  EXPECT_THAT(error({}), HasSubstr("has a header of 64 bytes, this one ends after 0"));
  EXPECT_THAT(BlobFile::open(folder_ + "/none").error().message, HasSubstr("cannot open"));
}

TEST_F(BlobTest, ATensorOfAnotherTypeOrPlaceIsRefused) {
  const BlobFile file = *BlobFile::open(write(two_blobs()));
  const auto error = [&](uint64_t offset, const TensorType& type) { return file.tensor(offset, type).error().message; };
  for (uint64_t offset : {uint64_t{0}, uint64_t{8}, uint64_t{128}, uint64_t{65}}) {
    EXPECT_THAT(error(offset, {DType::fp16, {2}}), HasSubstr("no blob's metadata stands there")) << offset;
  }
  for (uint64_t offset : {uint64_t{257}, uint64_t{320}, UINT64_MAX}) {
    EXPECT_THAT(error(offset, {DType::fp16, {2}}), HasSubstr("the file ends within a blob's metadata")) << offset;
  }
  EXPECT_THAT(error(64, {DType::bf16, {2}}), HasSubstr("offset 64: the blob's element type is number 1"));
  EXPECT_THAT(error(64, {DType::fp16, {3}}), HasSubstr("has 4 bytes and 0 unused bits, but tensor<fp16, [3]> needs 6"));
  EXPECT_THAT(error(192, {DType::uint3, {4}}), HasSubstr("7 unused bits, but tensor<uint3, [4]> needs 2 and 4"));
  EXPECT_THAT(error(64, {DType::fp16, {1 << 30, 1 << 30, 1 << 30, 1 << 30}}), HasSubstr("too large"));
  EXPECT_THAT(error(64, {DType::string, {}}), HasSubstr("weight files hold no string"));
}

// ---- Files that depart from the format

// A header that counts one blob, and what follows.
Bytes counted_as_one(const std::string& blobs) { return hex("01 00x3 02 00x3 00x56 " + blobs); }

// Metadata with a constant size and no offset, as benchmarks write them: fp16 whatever follows.
const std::string kPlaceholder = "ef be ad de 01 00x3 00 00 08 00x5 00x8 00x8 00x32 ";

TEST_F(BlobTest, SizesThatAreAConstantAreTakenFromTheType) {
  const Bytes bytes = counted_as_one(kPlaceholder + "00 3e 00 c0 00 3c " + kPlaceholder + "00 40 00 44 00 46 ");
  for (uint8_t constant : {0x08, 0x10}) {
    const BlobFile file = *BlobFile::open(write(patched(bytes, 74, constant)));
    const BlobTensor first = *file.tensor(64, {DType::fp16, {3}}), second = *file.tensor(134, {DType::fp16, {3, 1}});
    EXPECT_THAT(first.tensor.numbers(), ElementsAre(1.5, -2, 1));
    EXPECT_THAT(second.tensor.numbers(), ElementsAre(2, 4, 6));
    EXPECT_EQ(first.quirk, BlobQuirk::wrong_fields);
    EXPECT_EQ(second.quirk, BlobQuirk::wrong_fields);
    EXPECT_FALSE(file.check());
  }
  EXPECT_THAT(read(bytes, 134, {DType::fp16, {4}}).error().message,
              HasSubstr("offset 134: tensor<fp16, [4]> needs 8 bytes, but the file ends after 6"));
  EXPECT_FALSE(read(patched(bytes, 74, uint8_t{0x18}), 64, {DType::fp16, {3}}));
  EXPECT_FALSE(read(patched(bytes, 80, uint8_t{1}), 64, {DType::fp16, {3}}));
  EXPECT_FALSE(read(bytes, 64, {DType::bf16, {3}}));
}

TEST_F(BlobTest, DataAtAnOddAddressAreStillThere) {
  const Bytes bytes = counted_as_one(kPlaceholder + "07 " + kPlaceholder + "00 3e 00 c0 ");
  const BlobTensor odd = *read(bytes, 129, {DType::fp16, {2}});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(odd.tensor.bytes().data()) % 2, 1u);
  EXPECT_THAT(odd.tensor.numbers(), ElementsAre(1.5, -2));
}

TEST_F(BlobTest, Int8ThatIsCalledFp16IsInt8) {
  const Bytes bytes = counted_as_one(kPlaceholder + "01 ff 80 ");
  const BlobTensor found = *read(bytes, 64, {DType::int8, {3}});
  EXPECT_THAT(found.tensor.numbers(), ElementsAre(1, -1, -128));
  EXPECT_EQ(found.quirk, BlobQuirk::mislabelled);
  EXPECT_FALSE(read(bytes, 64, {DType::uint8, {3}}));
  EXPECT_FALSE(read(two_blobs(), 64, {DType::int8, {4}})) << "where the fields are right, so is the element type";
}

TEST_F(BlobTest, BlobsThatTheHeaderDoesNotCountAreRead) {
  const Bytes bytes = patched(two_blobs(), 0, uint32_t{1});
  EXPECT_EQ(read(bytes, 64, {DType::fp16, {2}})->quirk, BlobQuirk::none);
  const BlobTensor second = *read(bytes, 192, {DType::uint3, {3}});
  EXPECT_THAT(second.tensor.numbers(), ElementsAre(1, 2, 7));
  EXPECT_EQ(second.quirk, BlobQuirk::count_too_small);
}

TEST_F(BlobTest, MetadataWithinTheHeaderOrABlobsDataAreNone) {
  const Bytes within_header = hex("01 00x3 02 00x3 " + kPlaceholder + "00 3e ");
  EXPECT_THAT(read(within_header, 8, {DType::fp16, {1}}).error().message, HasSubstr("no blob's metadata stands there"));
  Bytes inner = *write_blob(row(DType::uint8, {1}));
  inner = patched(inner, 80, uint64_t{256});  // where its data stand once it is data itself
  const auto bytes = *write_blob(Tensor::own({DType::uint8, {int64_t(inner.size())}}, inner));
  EXPECT_THAT(read(bytes, 192, {DType::uint8, {1}}).error().message, HasSubstr("no blob's metadata stands there"));
}

TEST_F(BlobTest, ALoneBlobNeedsNoHeader) {
  const Bytes bytes = hex(kPlaceholder + "01 ff 80 ");
  for (uint64_t offset : {0, 64}) {
    const BlobTensor found = *read(bytes, offset, {DType::int8, {3}});
    EXPECT_THAT(found.tensor.numbers(), ElementsAre(1, -1, -128));
    EXPECT_EQ(found.quirk, BlobQuirk::no_file_header);
  }
  EXPECT_THAT(read(bytes, 3, {DType::int8, {3}}).error().message, HasSubstr("no blob's metadata stands there"));
  EXPECT_THAT(read(bytes, 64, {DType::int8, {4}}).error().message, HasSubstr("the file ends after 3"));
  EXPECT_THAT(error(bytes), HasSubstr("offset 0: a blob stands where the header belongs"));
}

TEST_F(BlobTest, GarbageInReservedWordsIsIgnoredForWholeBytes) {
  const Bytes bytes = patched(patched(two_blobs(), 88, uint64_t{0xABCDEF0123456789}), 100, uint32_t{0x12345678});
  const BlobTensor found = *read(bytes, 64, {DType::fp16, {2}});
  EXPECT_THAT(found.tensor.numbers(), ElementsAre(1.5, -2));
  EXPECT_EQ(found.quirk, BlobQuirk::reserved_garbage);
  EXPECT_EQ(read(bytes, 192, {DType::uint3, {3}})->quirk, BlobQuirk::none);
  EXPECT_EQ(read(patched(two_blobs(), 8, uint8_t{1}), 64, {DType::fp16, {2}})->quirk, BlobQuirk::reserved_garbage);
  EXPECT_THAT(read(patched(bytes, 230, uint8_t{1}), 192, {DType::uint3, {3}}).error().message,
              HasSubstr("offset 192: reserved bytes are not zero"));
}

TEST_F(BlobTest, EveryQuirkHasItsOwnText) {
  std::set<std::string_view> texts;
  for (int quirk = 0; quirk <= static_cast<int>(BlobQuirk::reserved_garbage); ++quirk) {
    texts.insert(to_string(static_cast<BlobQuirk>(quirk)));
  }
  EXPECT_EQ(texts.size(), 6u);
  EXPECT_FALSE(texts.contains(""));
}

class LoadWeightsTest : public BlobTest {
 protected:
  static Function product() {
    Builder b;
    const Value x = b.input("x", {DType::fp16, {2}}), w = b.weight("a", {DType::fp16, {2}});
    b.output("y", x * w + b.weight("b", {DType::fp16, {2}}));
    return *b.finish();
  }
  static void refer(Function& function, const std::string& name, const BlobReference& reference) {
    for (ValueInfo& value : function.values) {
      if (value.name == name) value.blob = reference;
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

TEST_F(LoadWeightsTest, ConstantsOfSeveralTypesMayShareOneBlob) {
  Builder b;
  b.output("y",
           b.input("x", {DType::fp16, {2}}) + b.weight("a", {DType::fp16, {2}}) + b.weight("b", {DType::fp16, {1, 2}}));
  Function function = *b.finish();
  refer(function, "b", {"@model_path/weights/a.bin", 64});
  write(*write_blob(row(DType::fp16, {2, 3})), "weights/a.bin");
  const Weights weights = *load_weights(function, folder_);
  const Interpreter interpreter = *Interpreter::create(function, weights, Rounding::declared);
  EXPECT_THAT(interpreter.run({to_array(row(DType::fp16, {10, 20}))})[0].data, ElementsAre(14, 26));
}

TEST_F(LoadWeightsTest, FoldersMayNest) {
  std::filesystem::create_directories(folder_ + "/a/deep/folder");
  write(*write_blob(row(DType::fp16, {2, 3})), "a/deep/folder/w.bin");
  write(*write_blob(row(DType::fp16, {10, 20})), "weights/b.bin");
  Function function = product();
  refer(function, "a", {"@model_path/a/deep/folder/w.bin", 64});
  EXPECT_TRUE(load_weights(function, folder_));
}

TEST_F(LoadWeightsTest, WhatDepartsFromTheFormatIsReported) {
  write(*write_blob(row(DType::fp16, {2, 3})), "weights/a.bin");
  write(counted_as_one(kPlaceholder + "00 3e 00 c0 "), "weights/b.bin");
  std::vector<BlobFinding> findings;
  ASSERT_TRUE(load_weights(product(), folder_, &findings));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].reference, (BlobReference{"@model_path/weights/b.bin", 64}));
  EXPECT_EQ(findings[0].quirk, BlobQuirk::wrong_fields);
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
