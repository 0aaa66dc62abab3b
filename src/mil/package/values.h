// Between types and values and their messages; the parts of decode_model and encode_model.
#pragma once

#include <string>

#include "mil/function.h"
#include "mil/package/model.h"
#include "mil/package/model.pb.h"

namespace anemone::mil {

// A tensor's type or a state's.
Result<TensorType> read_type(const proto::ValueType& message);
Result<> write_type(const TensorType& type, proto::ValueType& message);

// A value without a name: a constant with its data or a reference to them.
Result<ValueInfo> read_constant(const proto::Value& message);
Result<> write_constant(const ValueInfo& value, proto::Value& message);

// An attribute's value and its text.
Result<std::string> read_attribute(const proto::Value& message);
Result<> write_attribute(std::string_view name, std::string_view text, proto::Value& message);

Result<Program> read_program(const proto::Program& message, std::string_view where);
Result<> write_program(const Program& program, proto::Program& message);

// What a model says beside its program: the description.
Result<> read_description(const proto::Description& message, Model& model);
Result<> write_description(const Model& model, proto::Description& message);

}  // namespace anemone::mil
