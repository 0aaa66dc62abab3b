// Rules and compositions of resizing and sampling; values are tests/golden/ops/image.json and sampling.json.
#include <gmock/gmock.h>

#include <cmath>

#include "mil/op_testing.h"
#include "mil/rewrite.h"

namespace anemone::mil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor image(const Shape& shape, const std::vector<double>& pixels) {
  return Tensor::from_numbers({DType::fp32, shape}, pixels);
}

// The result of a call by the compositions of its ops.
std::vector<double> composed(const Call& call) {
  const auto written = expand(
      *call.function(), [](const OpDef&) { return true; }, Arithmetic::fp32);
  EXPECT_TRUE(written) << written.error().message;
  if (!written) return {};
  return (*Interpreter::create(*written, {}, Rounding::none)).run(call.inputs())[0].data;
}

void expect_equal(const std::vector<double>& found, const std::vector<double>& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (size_t i = 0; i < found.size(); ++i) {
    if (std::isfinite(expected[i])) {
      ASSERT_NEAR(found[i], expected[i], 1e-5) << i << " of " << what;
    } else {
      ASSERT_THAT(found[i], testing::NanSensitiveDoubleEq(expected[i])) << i << " of " << what;
    }
  }
}

// ---- Compositions.

TEST(Image, CompositionsEqualTheirOps) {
  for (const char* family : {"image", "sampling"}) {
    for (const GoldenCase& golden : golden_cases(family)) {
      const Call call(golden.op, golden.arguments, golden.opset);
      expect_equal(composed(call), golden.results[0].numbers(), golden.text);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Image, CompositionsKeepInfinitiesWhereTheOpsDo) {
  const Tensor x = image({1, 1, 3, 3}, {1, INFINITY, 2, -INFINITY, 3, NAN, 4, 5, 6});
  const Tensor points = image({1, 1, 6, 2}, {0, 0, 1, 0, 2, 2, -5, INFINITY, NAN, 1, 1e30, -1e30});
  const auto check = [&](std::string_view op, const GivenArguments& arguments) {
    const Call call(op, arguments);
    ASSERT_EQ(call.error(), "");
    expect_equal(composed(call), (*call.run(Rounding::none))[0].data, std::string(op));
  };
  for (int64_t size : {2, 3, 5}) {
    const Tensor n = Tensor::integer(size);
    check("resize_bilinear", {{"x", x}, {"target_size_height", n}, {"target_size_width", n}});
    check("resize_nearest_neighbor", {{"x", x}, {"target_size_height", n}, {"target_size_width", n}});
  }
  for (const char* padding : {"constant", "border", "reflection", "symmetric"}) {
    for (const char* sampling : {"bilinear", "nearest"}) {
      check("resample", {{"x", x},
                         {"coordinates", points},
                         {"sampling_mode", Tensor::text(sampling)},
                         {"padding_mode", Tensor::text(padding)},
                         {"padding_value", Tensor::scalar(DType::fp32, 7)},
                         {"coordinates_mode", Tensor::text("unnormalized")},
                         {"align_corners", Tensor::boolean(false)}});
    }
  }
  for (double odd : {double(NAN), -3.0, 1e30}) {
    check("crop_resize", {{"x", x},
                          {"boxes", image({1, 4}, {0, 0, 2, odd})},
                          {"target_height", Tensor::integer(3)},
                          {"target_width", Tensor::integer(2)},
                          {"pad_value", Tensor::scalar(DType::fp32, 7)}});
  }
}

// ---- Resizing.

TEST(Resize, PointsOnElementsKeepInfinities) {
  const Tensor x = image({1, 1, 3}, {1, INFINITY, 3});
  EXPECT_THAT(values("resize_bilinear", {{"x", x}, {"target_size_width", Tensor::integer(3)}}),
              ElementsAre(1, INFINITY, 3));
}

TEST(Resize, NearestTakesTheUpperOfTwoEquallyNear) {
  EXPECT_THAT(values("resize", {{"x", row(DType::fp32, {1, 2, 3})},
                                {"shape", Tensor::ints({6})},
                                {"resized_dims", Tensor::scalar(DType::uint32, 1)},
                                {"interpolation_mode", Tensor::text("NEAREST_NEIGHBOR")}}),
              ElementsAre(1, 2, 2, 3, 3, 3));
}

TEST(Resize, ParametersAreChecked) {
  const auto resize = [](const std::vector<int64_t>& shape, double dims, std::string_view interpolation = "LINEAR",
                         std::string_view sampling = "DEFAULT") {
    return error("resize", {{"x", zeros(DType::fp16, {2, 3})},
                            {"shape", Tensor::ints(shape)},
                            {"resized_dims", Tensor::scalar(DType::uint32, dims)},
                            {"interpolation_mode", Tensor::text(interpolation)},
                            {"sampling_mode", Tensor::text(sampling)}});
  };
  EXPECT_EQ(resize({4, 5}, 2), "");
  EXPECT_EQ(resize({5}, 2), "resize: shape [5] and x [2, 3] have not the 2 dimensions of resized_dims");
  EXPECT_THAT(resize({4, 5, 6}, 3), HasSubstr("have not the 3 dimensions"));
  EXPECT_THAT(resize({4, 5}, 4294967295.0), HasSubstr("have not the 4294967295 dimensions"));
  EXPECT_EQ(resize({4, -1}, 1), "resize: dimension 1 would have the size -1");
  EXPECT_EQ(resize({5}, 1, "CUBIC"), "resize: interpolation_mode is \"CUBIC\", expected LINEAR or NEAREST_NEIGHBOR");
  EXPECT_THAT(resize({5}, 1, "LINEAR", "CORNERS"), HasSubstr("resize: sampling_mode is \"CORNERS\", expected STRICT_"));
  EXPECT_THAT(error("resize", {{"x", zeros(DType::fp16, {2, 3})},
                               {"shape", Tensor::ints({4})},
                               {"resized_dims", zeros(DType::uint32, {0})}}),
              HasSubstr("parameter resized_dims"));
}

TEST(Resize, ImagesAreChecked) {
  for (const char* op : {"resize_bilinear", "resize_nearest_neighbor"}) {
    const auto resize = [&](const Shape& x, int64_t size) {
      return error(op, {{"x", zeros(DType::fp16, x)},
                        {"target_size_height", Tensor::integer(size)},
                        {"target_size_width", Tensor::integer(2)}});
    };
    EXPECT_EQ(resize({1, 1, 1}, 2), "");
    EXPECT_EQ(resize({2, 2}, 2), std::string(op) + ": x [2, 2] needs rank 3 or more");
    EXPECT_EQ(resize({1, 2, 2}, 0), std::string(op) + ": dimension 1 would have the size 0");
  }
}

TEST(Upsample, FactorsAreChecked) {
  for (const char* op : {"upsample_bilinear", "upsample_nearest_neighbor"}) {
    const auto upsample = [&](const Tensor& factor) {
      return error(op, {{"x", zeros(DType::fp16, {1, 2, 2})}, {"scale_factor_height", factor}});
    };
    EXPECT_EQ(upsample(Tensor::scalar(DType::fp32, 0.5)), "");
    EXPECT_EQ(upsample(Tensor::scalar(DType::fp32, 0.25)),
              std::string(op) + ": scale_factor_height of 0.25 makes 0 of 2");
    for (double factor : {-1.0, double(NAN), double(INFINITY), 1e30}) {
      EXPECT_THAT(upsample(Tensor::scalar(DType::fp32, factor)), HasSubstr("scale_factor_height of")) << factor;
    }
    EXPECT_THAT(upsample(Tensor::integer(2147483647)), HasSubstr("makes"));
  }
}

TEST(Upsample, AlignedCornersAreNoHalfPixels) {
  EXPECT_EQ(
      error("upsample_bilinear", {{"x", zeros(DType::fp16, {1, 2, 2})}, {"half_pixel_centers", Tensor::boolean(true)}}),
      "upsample_bilinear: align_corners and half_pixel_centers exclude each other");
}

// ---- Sampling.

TEST(Resample, ParametersAreChecked) {
  const auto resample = [](const Shape& coordinates, std::string_view name = {}, std::string_view word = {}) {
    GivenArguments arguments{{"x", zeros(DType::fp16, {2, 1, 3, 3})},
                             {"coordinates", zeros(DType::fp16, coordinates)},
                             {"padding_value", Tensor::scalar(DType::fp16, 0)},
                             {"align_corners", Tensor::boolean(false)}};
    for (auto [setting, value] : {std::pair{"sampling_mode", "nearest"},
                                  {"padding_mode", "border"},
                                  {"coordinates_mode", "unnormalized"},
                                  {"coordinates_format", "xy"},
                                  {"coordinates_type", "absolute"}}) {
      arguments.emplace_back(setting, Tensor::text(setting == name ? word : value));
    }
    return error("resample", arguments);
  };
  EXPECT_EQ(resample({2, 4, 5, 2}), "");
  EXPECT_EQ(resample({1, 4, 5, 2}), "resample: coordinates [1, 4, 5, 2] must be [2, height, width, 2]");
  EXPECT_THAT(resample({2, 4, 5, 3}), HasSubstr("must be [2, height, width, 2]"));
  EXPECT_THAT(resample({2, 4, 2}), HasSubstr("must be [2, height, width, 2]"));
  for (const char* name :
       {"sampling_mode", "padding_mode", "coordinates_mode", "coordinates_format", "coordinates_type"}) {
    EXPECT_THAT(resample({2, 4, 5, 2}, name, "round"), HasSubstr(std::string("resample: ") + name + " is \"round\""));
  }
}

TEST(Affine, TakesOnlyWhatCoreMLDoes) {
  const auto affine = [](const Shape& matrix, std::string_view name = {}, const Tensor& other = {}) {
    GivenArguments arguments{{"x", zeros(DType::fp16, {3, 1, 2, 2})}, {"transform_matrix", zeros(DType::fp16, matrix)}};
    for (const auto& [setting, value] :
         std::vector<std::pair<std::string, Tensor>>{{"output_height", Tensor::integer(2)},
                                                     {"output_width", Tensor::integer(2)},
                                                     {"sampling_mode", Tensor::text("bilinear")},
                                                     {"padding_mode", Tensor::text("constant")},
                                                     {"padding_value", Tensor::scalar(DType::fp16, 0)},
                                                     {"coordinates_mode", Tensor::text("normalized_minus_one_to_one")},
                                                     {"align_corners", Tensor::boolean(true)}}) {
      arguments.emplace_back(setting, setting == name ? other : value);
    }
    return error("affine", arguments);
  };
  EXPECT_EQ(affine({1, 6}), "");
  EXPECT_EQ(affine({3, 6}), "");
  EXPECT_EQ(affine({2, 6}), "affine: transform_matrix [2, 6] must be [3, 6] or [1, 6]");
  EXPECT_THAT(affine({3, 2, 3}), HasSubstr("transform_matrix [3, 2, 3] must be"));
  EXPECT_EQ(affine({1, 6}, "output_height", Tensor::integer(0)), "affine: output_height is 0, expected 1 or more");
  EXPECT_EQ(affine({1, 6}, "sampling_mode", Tensor::text("nearest")),
            "affine: sampling_mode is \"nearest\", expected bilinear");
  EXPECT_THAT(affine({1, 6}, "padding_mode", Tensor::text("border")), HasSubstr("expected constant"));
  EXPECT_THAT(affine({1, 6}, "coordinates_mode", Tensor::text("unnormalized")), HasSubstr("expected normalized_minus"));
  EXPECT_EQ(affine({1, 6}, "padding_value", Tensor::scalar(DType::fp16, 1)), "affine: padding_value is 1, expected 0");
  EXPECT_EQ(affine({1, 6}, "align_corners", Tensor::boolean(false)), "affine: align_corners must be true");
}

TEST(CropResize, BoxesAreChecked) {
  const Tensor x = zeros(DType::fp16, {2, 1, 3, 3});
  const auto boxes = [&](const Shape& shape, const Shape& indices) {
    GivenArguments arguments{{"x", x}, {"boxes", zeros(DType::fp32, shape)}};
    if (!indices.empty()) arguments.emplace_back("box_indices", zeros(DType::int32, indices));
    return error("crop_resize", arguments);
  };
  EXPECT_EQ(boxes({2, 4}, {}), "");
  EXPECT_EQ(boxes({3, 4}, {}), "crop_resize: 3 boxes of 2 images need box_indices");
  EXPECT_EQ(boxes({3, 4}, {3}), "");
  EXPECT_EQ(boxes({3, 4}, {2}), "crop_resize: box_indices [2] must be [3]");
  EXPECT_EQ(boxes({3, 5}, {3}), "crop_resize: boxes [3, 5] must be [N, 4]");
  EXPECT_EQ(
      error("crop_resize",
            {{"x", x}, {"boxes", zeros(DType::uint16, {1, 4})}, {"normalized_coordinates", Tensor::boolean(true)}}),
      "crop_resize: boxes in normalized_coordinates must be fp16 or fp32");
  const auto roi = [&](const Shape& shape) {
    return Call("crop_resize", {{"x", x}, {"roi", zeros(DType::fp16, shape)}}, "ios16").error();
  };
  EXPECT_EQ(roi({3, 1, 5, 1, 1}), "");
  for (const Shape& shape : {Shape{3, 1, 6, 1, 1}, Shape{3, 2, 4, 1, 1}, Shape{3, 4}}) {
    EXPECT_THAT(roi(shape), HasSubstr("must be [N, 1, 4, 1, 1] or [N, 1, 5, 1, 1]"));
  }
}

TEST(CropResize, ConstantImagesOutOfRangeAreRefused) {
  for (int64_t index : {-1, 2}) {
    Builder b;
    const Value x = b.input("x", {DType::fp16, {2, 1, 3, 3}}), boxes = b.input("b", {DType::fp16, {1, 4}});
    b.apply("crop_resize", {{"x", x}, {"boxes", boxes}, {"box_indices", Tensor::ints({index})}});
    EXPECT_EQ(b.finish().error().message, "crop_resize: box_indices has " + std::to_string(index) + " of 2 images");
  }
}

TEST(CropResize, ImagesOutOfRangeAtRunTimeAreTheNearest) {
  const Tensor x = image({3, 1, 1, 1}, {10, 20, 30});
  EXPECT_THAT(
      values("crop_resize",
             {{"x", x}, {"boxes", zeros(DType::fp32, {4, 4})}, {"box_indices", Tensor::ints({-7, 1, 3, 2147483647})}}),
      ElementsAre(10, 20, 30, 30));
  std::vector<double> rois(20, 0.0);
  rois[0] = -1, rois[5] = NAN, rois[10] = 1, rois[15] = 1e30;
  const Call call("crop_resize", {{"x", x}, {"roi", image({4, 1, 5, 1, 1}, rois)}}, "ios16");
  const std::vector<double> expected{10, 10, 20, 30};
  EXPECT_EQ((*call.run(Rounding::none))[0].data, expected);
}

}  // namespace
}  // namespace anemone::mil
