#include "mil/program_file.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "mil/inference.h"
#include "mil/parser.h"
#include "mil/printer.h"

namespace anemone::mil {
namespace {

namespace fs = std::filesystem;

// The weights that all functions refer to, the types checked with them at hand.
Result<ProgramFile> with_weights(std::string format, Program program, const std::string& folder,
                                 const std::string& where) {
  ProgramFile file{.format = std::move(format), .program = std::move(program), .weights = {}, .findings = {}};
  if (file.program.functions.empty()) return fail("{} holds no function", where);
  for (const Function& function : file.program.functions) {
    file.weights.merge(TRY(load_weights(function, folder, &file.findings)));
  }
  for (Function& function : file.program.functions) TRY(check(function, &file.weights, where));
  return file;
}

Result<ProgramFile> load_text(const std::string& format, const std::string& path) {
  const MappedFile text = TRY(MappedFile::open(path));
  const auto bytes = text.bytes();
  Program program = TRY(parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path));
  return with_weights(format, std::move(program), fs::path(path).parent_path().string(), path);
}

Result<ProgramFile> load_compiled(const std::string& path) {
  const fs::path text = fs::path(path) / "model.mil";
  if (fs::exists(text)) return load_text("compiled model", text.string());
  if (fs::exists(fs::path(path) / "model0")) {
    return fail("{} is a pipeline of several models: name one of its folders, {}/model0", path, path);
  }
  return fail("{} is a folder without model.mil: give an .mlpackage, an .mlmodelc, an .mlmodel or MIL text", path);
}

// A program whose constants in weight files all refer to one file; and the writer of that file.
Result<Program> gathered(Program program, const Weights& weights, const std::string& name, BlobWriter& writer) {
  std::map<BlobReference, uint64_t> offsets;
  for (Function& function : program.functions) {
    for (ValueInfo& value : function.values) {
      if (!value.blob) continue;
      auto known = offsets.find(*value.blob);
      if (known == offsets.end()) {
        const uint64_t offset = TRY(writer.add(TRY(weights.find(*value.blob, value.type))));
        known = offsets.emplace(*value.blob, offset).first;
      }
      value.blob = BlobReference{fmt::format("@model_path/weights/{}.bin", name), known->second};
    }
  }
  return program;
}

Result<> make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail("{}: {}", folder.string(), error.message());
  return {};
}

// A program and its one weight file, beside which it stands.
Result<> save_beside(const fs::path& path, const Program& program, const Weights& weights,
                     const std::function<Result<std::string>(const Program&)>& encode) {
  BlobWriter writer;
  const std::string name = path.stem().string();
  const Program gathered_program = TRY(gathered(program, weights, name, writer));
  const std::string bytes = TRY(encode(gathered_program));
  if (writer.count() > 0) {
    const fs::path folder = path.parent_path() / "weights";
    TRY(make_folder(folder));
    TRY(writer.save((folder / (name + ".bin")).string()));
  }
  AtomicFile file = TRY(AtomicFile::create(path.string()));
  TRY(file.write(bytes));
  return file.commit();
}

}  // namespace

Result<ProgramFile> load_program(const std::string& path) {
  const std::string extension = fs::path(path).extension().string();
  if (extension == ".mlpackage") return load_package(path);
  if (fs::is_directory(path)) return load_compiled(path);
  if (extension == ".mlmodel") return load_model(path);
  return load_text("MIL text", path);
}

Result<const Function*> find_function(const Program& program, const std::string& name) {
  if (const Function* function = program.function(name.empty() ? "main" : name)) return function;
  if (name.empty() && program.functions.size() == 1) return &program.functions[0];
  std::vector<std::string> names;
  for (const Function& function : program.functions) names.push_back(function.name);
  return fail("there is no function {}: choose one of {}", name.empty() ? "main" : name, fmt::join(names, ", "));
}

}  // namespace anemone::mil
