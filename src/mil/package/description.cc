// What a model says of its inputs and outputs.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "mil/package/values.h"

namespace anemone::mil {
namespace {

// The element types that features have.
constexpr std::array<std::pair<DType, int>, 5> kCodes{
    {{DType::fp16, 65552}, {DType::fp32, 65568}, {DType::fp64, 65600}, {DType::int8, 131080}, {DType::int32, 131104}}};

// ---- Reading.

Result<int64_t> read_size(int64_t size) {
  if (size < 0 || size > INT32_MAX) return fail("a size of {} is out of range", size);
  return size;
}

template <class Sizes>
Result<Shape> read_shape(const Sizes& sizes) {
  Shape shape;
  for (int64_t size : sizes) shape.push_back(TRY(read_size(size)));
  return shape;
}

Result<SizeRange> read_range(const proto::Range& message) {
  SizeRange range{.least = TRY(read_size(static_cast<int64_t>(message.least())))};
  if (message.most() >= 0) range.most = TRY(read_size(message.most()));
  return range;
}

Result<> read_array(const proto::ArrayFeature& message, Feature& feature) {
  const auto* code = std::ranges::find(kCodes, message.data_type(), &std::pair<DType, int>::second);
  if (code == kCodes.end()) return fail("the element type has the unknown number {}", message.data_type());
  feature.dtype = code->first;
  feature.shape = TRY(read_shape(message.shape()));
  for (const auto& shape : message.enumerated().shapes()) feature.shapes.push_back(TRY(read_shape(shape.shape())));
  for (const auto& range : message.ranges().ranges()) feature.ranges.push_back(TRY(read_range(range)));
  if (message.has_int_fallback()) feature.fallback = message.int_fallback();
  if (message.has_float_fallback()) feature.fallback = message.float_fallback();
  if (message.has_double_fallback()) feature.fallback = message.double_fallback();
  if (feature.fallback) feature.fallback = Tensor::scalar(feature.dtype, *feature.fallback).number(0);
  return {};
}

Result<> read_image(const proto::ImageFeature& message, Feature& feature) {
  constexpr std::array kColors{Feature::Color::gray, Feature::Color::rgb, Feature::Color::bgr,
                               Feature::Color::gray_fp16};
  const auto* color = std::ranges::find(kColors, message.color_space(), [](Feature::Color c) { return int(c); });
  if (color == kColors.end()) return fail("the colour space has the unknown number {}", message.color_space());
  feature.kind = Feature::Kind::image;
  feature.color = *color;
  feature.shape = TRY(read_shape(std::array{message.height(), message.width()}));
  for (const auto& size : message.enumerated().sizes()) {
    const std::array sizes{static_cast<int64_t>(size.height()), static_cast<int64_t>(size.width())};
    feature.shapes.push_back(TRY(read_shape(sizes)));
  }
  if (message.has_range()) {
    feature.ranges = {TRY(read_range(message.range().height())), TRY(read_range(message.range().width()))};
  }
  return {};
}

Result<> read_type(const proto::FeatureType& message, Feature& feature) {
  feature.optional = message.is_optional();
  if (message.has_array()) return read_array(message.array(), feature);
  if (message.has_image()) return read_image(message.image(), feature);
  if (!message.has_state()) return fail("only arrays, images and states are supported");
  feature.kind = Feature::Kind::state;
  return read_array(message.state().array(), feature);
}

template <class Messages>
Result<std::vector<Feature>> read_features(const Messages& messages) {
  std::vector<Feature> features;
  for (const proto::Feature& message : messages) {
    Feature& feature = features.emplace_back(Feature{.name = message.name(), .description = message.description()});
    auto read = read_type(message.type(), feature);
    if (!read) return fail("feature {}: {}", feature.name, read.error().message);
  }
  return features;
}

template <class Message>
Result<Interface> read_interface(const Message& message) {
  Interface interface;
  interface.inputs = TRY(read_features(message.inputs()));
  interface.outputs = TRY(read_features(message.outputs()));
  interface.states = TRY(read_features(message.states()));
  return interface;
}

Metadata read_metadata(const proto::Metadata& message) {
  Metadata metadata{.description = message.description(),
                    .version = message.version(),
                    .author = message.author(),
                    .license = message.license(),
                    .user_defined = {}};
  for (const auto& entry : message.user_defined()) metadata.user_defined[entry.name()] = entry.value();
  return metadata;
}

// ---- Writing.

void write_range(const SizeRange& range, proto::Range& message) {
  message.set_least(static_cast<uint64_t>(range.least));
  message.set_most(range.most);
}

void write_fallback(const Feature& feature, proto::ArrayFeature& message) {
  if (!feature.fallback) return;
  if (feature.dtype == DType::fp64) {
    message.set_double_fallback(*feature.fallback);
  } else if (is_float(feature.dtype)) {
    message.set_float_fallback(static_cast<float>(*feature.fallback));
  } else {
    message.set_int_fallback(static_cast<int32_t>(Tensor::scalar(DType::int32, *feature.fallback).number(0)));
  }
}

void write_array(const Feature& feature, proto::ArrayFeature& message) {
  message.set_data_type(std::ranges::find(kCodes, feature.dtype, &std::pair<DType, int>::first)->second);
  message.mutable_shape()->Add(feature.shape.begin(), feature.shape.end());
  for (const Shape& shape : feature.shapes) {
    message.mutable_enumerated()->add_shapes()->mutable_shape()->Add(shape.begin(), shape.end());
  }
  for (const SizeRange& range : feature.ranges) write_range(range, *message.mutable_ranges()->add_ranges());
  write_fallback(feature, message);
}

void write_image(const Feature& feature, proto::ImageFeature& message) {
  message.set_height(feature.shape.at(0));
  message.set_width(feature.shape.at(1));
  message.set_color_space(int(feature.color));
  for (const Shape& shape : feature.shapes) {
    auto& size = *message.mutable_enumerated()->add_sizes();
    size.set_height(static_cast<uint64_t>(shape.at(0)));
    size.set_width(static_cast<uint64_t>(shape.at(1)));
  }
  if (feature.ranges.empty()) return;
  write_range(feature.ranges.at(0), *message.mutable_range()->mutable_height());
  write_range(feature.ranges.at(1), *message.mutable_range()->mutable_width());
}

void write_feature(const Feature& feature, proto::Feature& message) {
  message.set_name(feature.name);
  message.set_description(feature.description);
  proto::FeatureType& type = *message.mutable_type();
  type.set_is_optional(feature.optional);
  if (feature.kind == Feature::Kind::array) write_array(feature, *type.mutable_array());
  if (feature.kind == Feature::Kind::image) write_image(feature, *type.mutable_image());
  if (feature.kind == Feature::Kind::state) write_array(feature, *type.mutable_state()->mutable_array());
}

template <class Message>
void write_interface(const Interface& interface, Message& message) {
  for (const Feature& feature : interface.inputs) write_feature(feature, *message.add_inputs());
  for (const Feature& feature : interface.outputs) write_feature(feature, *message.add_outputs());
  for (const Feature& feature : interface.states) write_feature(feature, *message.add_states());
}

void write_metadata(const Metadata& metadata, proto::Metadata& message) {
  message.set_description(metadata.description);
  message.set_version(metadata.version);
  message.set_author(metadata.author);
  message.set_license(metadata.license);
  for (const auto& [name, value] : metadata.user_defined) {
    auto& entry = *message.add_user_defined();
    entry.set_name(name);
    entry.set_value(value);
  }
}

// ---- Both.

Result<> check_image(const Feature& feature) {
  const auto is_flat = [](const Shape& shape) { return shape.size() == 2; };
  const bool has_ranges = feature.ranges.empty() || feature.ranges.size() == 2;
  if (is_flat(feature.shape) && std::ranges::all_of(feature.shapes, is_flat) && has_ranges) return {};
  return fail("image {}: its sizes are not of a height and a width", feature.name);
}

// Every feature is an input or an output of its function, of a type that features have.
Result<> check_features(const Function& function, const std::vector<Feature>& features,
                        const std::vector<ValueId>& values) {
  std::unordered_set<std::string_view> names;
  for (ValueId id : values) names.insert(function.value(id).name);
  for (const Feature& feature : features) {
    if (!names.contains(feature.name)) return fail("function {} has no {}", function.name, feature.name);
    if (std::ranges::count(kCodes, feature.dtype, &std::pair<DType, int>::first) == 0) {
      return fail("function {}: {} is {}, but models take and give fp16, fp32, fp64, int8 or int32", function.name,
                  feature.name, to_string(feature.dtype));
    }
    if (feature.kind == Feature::Kind::image) TRY(check_image(feature));
  }
  return {};
}

Result<> check_interfaces(const Model& model) {
  std::unordered_map<std::string_view, const Function*> functions;
  for (const Function& function : model.program.functions) functions.emplace(function.name, &function);
  for (const auto& [name, interface] : model.interfaces) {
    const auto found = functions.find(name);
    if (found == functions.end()) return fail("the description tells of a function {}, but there is none", name);
    const Function& function = *found->second;
    TRY(check_features(function, interface.inputs, function.inputs));
    TRY(check_features(function, interface.states, function.inputs));
    TRY(check_features(function, interface.outputs, function.outputs));
  }
  if (!functions.contains(model.default_function)) {
    return fail("there is no function {}", model.default_function);
  }
  return {};
}

// A scalar is an array of one element for who calls the model.
Feature feature_of(const ValueInfo& value, bool is_output) {
  Feature feature{.name = value.name, .dtype = value.type.dtype, .shape = value.type.shape};
  if (value.type.state) feature.kind = Feature::Kind::state;
  if (feature.shape.empty()) feature.shape = {1};
  if (!is_flexible(feature.shape)) return feature;
  if (is_output) {
    feature.shape.clear();
    return feature;
  }
  for (int64_t& size : feature.shape) {
    feature.ranges.push_back(size == kUnknown ? SizeRange{} : SizeRange{size, size});
    if (size == kUnknown) size = 1;
  }
  return feature;
}

Interface interface_of(const Function& function) {
  Interface interface;
  for (ValueId id : function.inputs) {
    const ValueInfo& value = function.value(id);
    (value.type.state ? interface.states : interface.inputs).push_back(feature_of(value, false));
  }
  for (ValueId id : function.outputs) interface.outputs.push_back(feature_of(function.value(id), true));
  return interface;
}

}  // namespace

Result<Model> describe(Program program) {
  Model model{.program = std::move(program), .interfaces = {}, .metadata = {}};
  const auto& functions = model.program.functions;
  for (const Function& function : functions) model.interfaces[function.name] = interface_of(function);
  if (model.program.function("main") == nullptr && !functions.empty()) model.default_function = functions[0].name;
  TRY(check_interfaces(model));
  return model;
}

Result<> read_description(const proto::Description& message, Model& model) {
  const auto& functions = model.program.functions;
  model.metadata = read_metadata(message.metadata());
  model.default_function = message.default_function();
  if (model.default_function.empty()) model.default_function = functions.size() == 1 ? functions[0].name : "main";
  for (const auto& function : message.functions()) {
    model.interfaces[function.name()] = TRY(read_interface(function));
  }
  if (model.interfaces.empty()) model.interfaces[model.default_function] = TRY(read_interface(message));
  return check_interfaces(model);
}

Result<> write_description(const Model& model, proto::Description& message) {
  TRY(check_interfaces(model));
  if (model.metadata != Metadata{}) write_metadata(model.metadata, *message.mutable_metadata());
  const bool is_default_clear = model.program.functions.size() == 1 || model.default_function == "main";
  if (is_default_clear && model.interfaces.size() == 1 && model.interfaces.contains(model.default_function)) {
    write_interface(model.interfaces.begin()->second, message);
    return {};
  }
  message.set_default_function(model.default_function);
  for (const auto& [name, interface] : model.interfaces) {
    auto& function = *message.add_functions();
    function.set_name(name);
    write_interface(interface, function);
  }
  return {};
}

}  // namespace anemone::mil
