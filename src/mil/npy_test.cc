#include "mil/npy.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "base/file.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Written by NumPy (tests/golden/npy/make.py).
std::string golden(const std::string& name) { return ANEMONE_SOURCE_DIR "/tests/golden/npy/" + name + ".npy"; }

std::string error(std::string_view file) {
  const auto tensor = parse_npy("x.npy", std::as_bytes(std::span(file)));
  return tensor ? "" : tensor.error().message;
}

// A file of version 1.0 with that header.
std::string file(const std::string& header, const std::string& data = "") {
  const auto length = static_cast<uint16_t>(header.size());
  std::string bytes = "\x93NUMPY";
  bytes += '\1';
  bytes += '\0';
  bytes.append(reinterpret_cast<const char*>(&length), 2);
  return bytes + header + data;
}

std::string header_error(const std::string& header) { return error(file(header, "abcd")); }

class NpyTest : public testing::Test {
 protected:
  ~NpyTest() override { std::filesystem::remove(path_); }
  const std::string path_ = testing::TempDir() + "/npy_test_" + std::to_string(getpid()) + ".npy";
};

TEST_F(NpyTest, ReadsEveryElementTypeAndWritesItBackAsNumPyDoes) {
  const std::vector<std::pair<std::string, DType>> kinds{
      {"f2", DType::fp16},  {"f4", DType::fp32},  {"f8", DType::fp64}, {"i1", DType::int8},
      {"i2", DType::int16}, {"i4", DType::int32}, {"i8", DType::int64}};
  for (const auto& [name, dtype] : kinds) {
    const Tensor tensor = *read_npy(golden(name));
    EXPECT_EQ(tensor.type(), (TensorType{dtype, {2, 3}})) << name;
    EXPECT_THAT(tensor.numbers(), ElementsAre(-3, -2, -1, 0, 97, 124)) << name;
  }
  const std::vector<std::pair<std::string, DType>> unsigned_kinds{
      {"u1", DType::uint8}, {"u2", DType::uint16}, {"u4", DType::uint32}, {"u8", DType::uint64}};
  for (const auto& [name, dtype] : unsigned_kinds) {
    const Tensor tensor = *read_npy(golden(name));
    EXPECT_EQ(tensor.type(), (TensorType{dtype, {2, 3}})) << name;
    EXPECT_THAT(tensor.numbers(), ElementsAre(0, 1, 2, 3, 100, 127)) << name;
  }
  EXPECT_EQ(*read_npy(golden("b1")), Tensor::from_numbers({DType::boolean, {3}}, std::vector<double>{1, 0, 1}));
}

TEST_F(NpyTest, WhatIsWrittenAreNumPysBytes) {
  for (const char* name : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1", "scalar", "row",
                           "rank5", "empty", "empty_inside", "growing", "wide"}) {
    const auto tensor = read_npy(golden(name));
    ASSERT_TRUE(tensor) << tensor.error().message;
    ASSERT_TRUE(write_npy(path_, *tensor)) << name;
    EXPECT_EQ(*read_text(path_), *read_text(golden(name))) << name;
  }
}

TEST_F(NpyTest, ReadsEveryShape) {
  EXPECT_EQ(*read_npy(golden("scalar")), Tensor::scalar(DType::fp32, -1.5));
  EXPECT_THAT(read_npy(golden("row"))->type().shape, ElementsAre(3));
  EXPECT_THAT(read_npy(golden("rank5"))->type().shape, ElementsAre(1, 2, 1, 3, 2));
  EXPECT_THAT(read_npy(golden("empty"))->type().shape, ElementsAre(0, 3));
  EXPECT_THAT(read_npy(golden("empty_inside"))->type().shape, ElementsAre(2, 0, 3));
  EXPECT_EQ(read_npy(golden("wide"))->type().shape.size(), 32u);
}

TEST_F(NpyTest, FortransOrderBecomesC) {
  const Tensor tensor = *read_npy(golden("fortran"));
  std::vector<double> expected(24);
  std::iota(expected.begin(), expected.end(), 0.0);
  EXPECT_EQ(tensor, Tensor::from_numbers({DType::int16, {2, 3, 4}}, expected));
  const std::string empty = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 0), }";
  EXPECT_EQ(error(file(empty)), "");
}

TEST_F(NpyTest, ReadsLaterVersions) {
  for (const char* name : {"version2", "version3"}) {
    EXPECT_THAT(read_npy(golden(name))->numbers(), ElementsAre(0, 1, 2)) << name;
  }
}

TEST_F(NpyTest, DataAreMappedNotCopied) {
  const std::string bytes = *read_text(golden("f4"));
  const Tensor tensor = *parse_npy("", std::as_bytes(std::span(bytes)));
  EXPECT_EQ(static_cast<const void*>(tensor.bytes().data()), bytes.data() + 128);
  std::filesystem::copy_file(golden("f4"), path_);
  const Tensor kept = *read_npy(path_);
  std::filesystem::remove(path_);
  EXPECT_EQ(kept, tensor);
}

TEST_F(NpyTest, TypesThatAreNotReadAreNamed) {
  const auto error = [](const char* name) { return read_npy(golden(name)).error().message; };
  EXPECT_EQ(error("big_endian"), golden("big_endian") + ": element type >f4 is big-endian: save it as <f4");
  EXPECT_THAT(error("complex"), HasSubstr("element type <c8 is not read"));
  EXPECT_THAT(error("text"), HasSubstr("element type <U3 is not read"));
  EXPECT_THAT(error("structured"), HasSubstr("a structured array is not read: save one field"));
  EXPECT_THAT(error("none"), HasSubstr("cannot open"));
}

TEST_F(NpyTest, TypesThatNumPyLacksAreNotWritten) {
  for (DType dtype : {DType::bf16, DType::int4, DType::uint1, DType::uint6, DType::f8e4m3fn, DType::f8e5m2}) {
    const auto written = write_npy(path_, Tensor::scalar(dtype, 0));
    EXPECT_THAT(written.error().message, StartsWith(path_ + ": NumPy has no element type " +
                                                    std::string(to_string(dtype)) + ": cast the tensor first"));
  }
  EXPECT_FALSE(write_npy(path_, Tensor::text("a")));
  EXPECT_FALSE(npy_header({DType::fp32, Shape(65, 1)}));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(NpyTest, TruncationAtEveryLengthIsRefused) {
  const std::string bytes = *read_text(golden("f4"));
  for (size_t length = 0; length < bytes.size(); ++length) EXPECT_NE(error(bytes.substr(0, length)), "") << length;
  EXPECT_THAT(error(bytes + "x"), HasSubstr("x.npy: 1 bytes follow the data"));
  EXPECT_THAT(error(bytes.substr(0, 150)), HasSubstr("tensor<fp32, [2, 3]> needs 24 bytes, but the file has 22"));
}

TEST_F(NpyTest, HostilePreamblesAreRefused) {
  EXPECT_THAT(error(""), HasSubstr("it is no .npy file"));
  EXPECT_THAT(error("PK\3\4 and so on"), HasSubstr("it is no .npy file"));
  std::string bytes = *read_text(golden("version2"));
  EXPECT_EQ(error(bytes), "");
  std::memset(bytes.data() + 8, 0xFF, 4);
  EXPECT_THAT(error(bytes), HasSubstr("the file ends within its header of 4294967295 bytes"));
  bytes[6] = '\4';
  EXPECT_THAT(error(bytes), HasSubstr("version 4.0 is not read"));
  bytes[6] = '\xFF';
  EXPECT_THAT(error(bytes), HasSubstr("version 255.0 is not read"));
}

TEST_F(NpyTest, HeadersAreDictionariesOfThreeKeys) {
  EXPECT_EQ(header_error("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n"), "");
  EXPECT_EQ(header_error(R"({"shape":(1,),"fortran_order":True,"descr":"<f4"})"), "");
  EXPECT_EQ(header_error(" { 'descr' : '|u1' ,\t'shape' : ( 2 , 2 ,\n) , 'fortran_order' : False } "), "");
  for (const auto& [header, message] : std::vector<std::pair<std::string, std::string>>{
           {"", "the header is no dictionary"},
           {"{", "something else where a string belongs"},
           {"{}", "the header needs 'descr', 'fortran_order' and 'shape'"},
           {"{'descr': '<f4', 'shape': ()}", "the header needs"},
           {"{'descr': '<f4' 'shape': ()}", "the header's dictionary is not closed"},
           {"{'descr': '<f4', 'descr': '<f4'}", "the header's key 'descr' is unknown or there twice"},
           {"{'other': 1}", "the header's key 'other' is unknown"},
           {"{'descr' '<f4'}", "the header's key 'descr' has no value"},
           {"{'descr: <f4}", "something else where a string belongs"},
           {"{'descr': 4}", "something else where a string belongs"},
           {"{'descr': ''}", "is not read"},
           {"{'descr': '=f4'}", "element type =f4 has no known byte order"},
           {"{'descr': '|f4'}", "element type |f4 has no known byte order"},
           {"{'fortran_order': 0}", "fortran_order is neither True nor False"},
           {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "the header goes on after its dictionary"}}) {
    EXPECT_THAT(header_error(header), HasSubstr(message)) << header;
  }
}

TEST_F(NpyTest, HostileShapesAreRefused) {
  const auto shape_error = [](const std::string& shape) {
    return header_error("{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + "}");
  };
  EXPECT_EQ(shape_error("(4,)"), "");
  EXPECT_THAT(shape_error("4"), HasSubstr("the shape is no tuple"));
  EXPECT_THAT(shape_error("(4)"), HasSubstr("the shape's tuple is not well formed"));
  EXPECT_THAT(shape_error("(2 2)"), HasSubstr("the shape's tuple is not well formed"));
  EXPECT_THAT(shape_error("(2,,2)"), HasSubstr("a dimension is no number"));
  EXPECT_THAT(shape_error("(2,"), HasSubstr("a dimension is no number"));
  EXPECT_THAT(shape_error("(-4,)"), HasSubstr("dimension out of range"));
  EXPECT_THAT(shape_error("(4294967300,)"), HasSubstr("dimension out of range"));
  EXPECT_THAT(shape_error("(18446744073709551620,)"), HasSubstr("a dimension is no number, or too large"));
  EXPECT_THAT(shape_error("(2147483647, 2147483647, 2147483647)"), HasSubstr("too large"));
  EXPECT_THAT(shape_error("(65536, 65536, 65536, 65536)"), HasSubstr("too large"));
  EXPECT_THAT(shape_error("(5,)"), HasSubstr("needs 5 bytes, but the file has 4"));
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += "1,";
  EXPECT_THAT(shape_error(many + ")"), HasSubstr("more than 64 dimensions"));
}

}  // namespace
}  // namespace anemone::mil
