#include "mil/package/model.h"

#include <algorithm>

#include "mil/package/opset.h"
#include "mil/package/values.h"

namespace anemone::mil {
namespace {

// A message of empty messages takes some thirty times its size in memory, and weights do not belong here.
constexpr size_t kMostBytes = size_t{1} << 28;

Result<> check_bytes(std::span<const std::byte> bytes, std::string_view where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("version https://git-lfs")) {
    return fail("{} is a Git LFS pointer: fetch the real content", where);
  }
  if (bytes.size() > kMostBytes) return fail("{} has {} bytes, more than {}", where, bytes.size(), kMostBytes);
  return {};
}

Result<int> specification_version(const Program& program) {
  int version = kProtoOpsets.front().specification_version;
  for (const Function& function : program.functions) {
    const auto opset = parse_opset(function.opset);
    const ProtoOpset* known = opset ? find_proto_opset(*opset) : nullptr;
    if (known == nullptr) return fail("function {}: models have no opset {}", function.name, function.opset);
    version = std::max(version, known->specification_version);
  }
  return version;
}

}  // namespace

Result<Model> decode_model(std::span<const std::byte> bytes, std::string_view where) {
  TRY(check_bytes(bytes, where));
  proto::Model message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail("{} is no Core ML model: the message is malformed", where);
  }
  if (message.has_pipeline()) return fail("{}: the model is a pipeline; give one of its models", where);
  if (message.has_neural_network()) {
    return fail("{}: the model is a neural network of layers; convert it to an ML program", where);
  }
  if (!message.has_program()) return fail("{}: the model holds no ML program", where);
  Model model;
  model.program = TRY(read_program(message.program(), where));
  if (auto read = read_description(message.description(), model); !read) {
    return fail("{}: {}", where, read.error().message);
  }
  return model;
}

Result<std::vector<std::byte>> encode_model(const Model& model) {
  proto::Model message;
  message.set_specification_version(TRY(specification_version(model.program)));
  TRY(write_description(model, *message.mutable_description()));
  TRY(write_program(model.program, *message.mutable_program()));
  std::vector<std::byte> bytes(message.ByteSizeLong());
  if (bytes.size() > kMostBytes) return fail("the model has {} bytes, more than {}", bytes.size(), kMostBytes);
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

}  // namespace anemone::mil
