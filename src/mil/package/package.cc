#include "mil/package/package.h"

#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <iterator>

#include "base/file.h"
#include "base/json.h"
#include "mil/blob.h"
#include "mil/inference.h"
#include "mil/parser.h"
#include "mil/printer.h"

namespace anemone::mil {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kAuthor = "com.apple.CoreML";
constexpr std::string_view kFormatVersion = "1.0.0";

// ---- Reading.

// A file that is missing or out of reach is none.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// The path of a manifest's item within Data.
Result<fs::path> item_path(const json& items, const std::string& id, const std::string& where) {
  const auto item = items.find(id);
  if (item == items.end() || !item->is_object() || !item->contains("path") || !item->at("path").is_string()) {
    return fail("{}: there is no item {} with a path", where, id);
  }
  const fs::path path = item->at("path").get<std::string>();
  if (path.empty() || path.is_absolute() || std::ranges::count(path, "..") > 0) {
    return fail("{}: the path {} leaves the package", where, path.string());
  }
  return path;
}

Result<ModelFiles> find_in_package(const fs::path& package) {
  const std::string where = (package / "Manifest.json").string();
  const json manifest = TRY(parse_json(TRY(read_text(where)), where));
  if (!manifest.is_object() || !manifest.contains("itemInfoEntries") || !manifest["itemInfoEntries"].is_object()) {
    return fail("{}: it has no itemInfoEntries", where);
  }
  if (!manifest.contains("rootModelIdentifier") || !manifest["rootModelIdentifier"].is_string()) {
    return fail("{}: it has no rootModelIdentifier", where);
  }
  const json& items = manifest["itemInfoEntries"];
  const fs::path data = package / "Data";
  const fs::path model = TRY(item_path(items, manifest["rootModelIdentifier"].get<std::string>(), where));
  ModelFiles files{.kind = ModelFiles::Kind::package,
                   .program = (data / model).string(),
                   .folder = (data / model).parent_path().string()};
  for (const auto& [id, item] : items.items()) {
    if (!item.is_object() || item.value("name", json()) != "weights") continue;
    files.folder = (data / TRY(item_path(items, id, where))).parent_path().string();
  }
  return files;
}

// What load_weights() would do for each function, for all at once.
Result<Weights> load_all_weights(const Program& program, const std::string& folder,
                                 std::vector<BlobFinding>& findings) {
  Function all;
  for (const Function& function : program.functions) {
    std::ranges::copy_if(function.values, std::back_inserter(all.values),
                         [](const ValueInfo& value) { return value.blob.has_value(); });
  }
  return load_weights(all, folder, &findings);
}

// A text's model is its program.
Result<Model> decode_text(std::span<const std::byte> bytes, const std::string& where) {
  Model model;
  model.program = TRY(parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where));
  return model;
}

// ---- Writing.

constexpr std::string_view kWeightFolder = "weights";

struct Written {
  std::vector<std::byte> message;
  BlobWriter weights;
  bool has_weights = false;
};

using Encode = Result<std::vector<std::byte>> (*)(const Model& model);

Result<std::vector<std::byte>> encode_text(const Model& model) {
  const std::string text = print(model.program);
  const auto bytes = std::as_bytes(std::span(text));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

Result<std::vector<std::byte>> encode_described(const Model& model) {
  return encode_model(model.interfaces.empty() ? TRY(describe(model.program)) : model);
}

// The model with its weights in one file of that name.
Result<Written> gather(Model model, const Weights& weights, std::string_view weight_file, Encode encode) {
  Written written;
  std::map<BlobReference, std::pair<TensorType, uint64_t>> offsets;
  for (Function& function : model.program.functions) {
    for (ValueInfo& value : function.values) {
      if (!value.blob) continue;
      auto known = offsets.find(*value.blob);
      if (known == offsets.end() || known->second.first != value.type) {
        const uint64_t offset = TRY(written.weights.add(TRY(weights.find(*value.blob, value.type))));
        known = offsets.insert_or_assign(*value.blob, std::pair(value.type, offset)).first;
      }
      value.blob = BlobReference{.path = fmt::format("@model_path/{}/{}", kWeightFolder, weight_file),
                                 .offset = known->second.second};
    }
  }
  written.has_weights = !offsets.empty();
  written.message = TRY(encode(model));
  return written;
}

// A UUID (RFC 9562, version 8) that follows from what it names.
std::string uuid_of(std::span<const std::byte> content, uint64_t which) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(content.data(), content.size(), which);
  const uint64_t high = (hash.high64 & ~uint64_t{0xF000}) | 0x8000;
  const uint64_t low = (hash.low64 & (~uint64_t{0} >> 2)) | uint64_t{1} << 63;
  return fmt::format("{:08X}-{:04X}-{:04X}-{:04X}-{:012X}", high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48,
                     low & 0xFFFF'FFFF'FFFF);
}

std::string manifest(const Written& written) {
  const auto item = [](std::string_view name, std::string_view description) {
    return json{{"author", kAuthor},
                {"description", description},
                {"name", name},
                {"path", fmt::format("{}/{}", kAuthor, name)}};
  };
  const std::string model = uuid_of(written.message, 0);
  json items{{model, item("model.mlmodel", "CoreML Model Specification")}};
  if (written.has_weights) items[uuid_of(written.message, 1)] = item(kWeightFolder, "CoreML Model Weights");
  return json{{"fileFormatVersion", kFormatVersion}, {"itemInfoEntries", items}, {"rootModelIdentifier", model}}.dump(
             4) +
         '\n';
}

Result<> make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail("cannot make the folder {}: {}", path.string(), error.message());
  return {};
}

Result<> move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return fail("cannot rename {} to {}: {}", from.string(), to.string(), error.message());
  return {};
}

template <class Content>
Result<> write_file(const fs::path& path, const Content& content) {
  AtomicFile file = TRY(AtomicFile::create(path.string()));
  TRY(file.write(content));
  return file.commit();
}

// Removed with all that it holds, unless it was renamed.
struct TemporaryFolder {
  fs::path path;

  explicit TemporaryFolder(fs::path folder) : path(std::move(folder)) {}
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code error;
    fs::remove_all(path, error);
  }
};

Result<> fill_package(const fs::path& package, const Written& written) {
  const fs::path data = package / "Data" / kAuthor;
  TRY(make_folder(data));
  TRY(write_file(data / "model.mlmodel", std::span(written.message)));
  if (written.has_weights) {
    TRY(make_folder(data / kWeightFolder));
    TRY(written.weights.save((data / kWeightFolder / "weight.bin").string()));
  }
  return write_file(package / "Manifest.json", std::string_view(manifest(written)));
}

// The old package, if there is one, steps aside, and goes once the new one stands there.
Result<> replace(const fs::path& with, const fs::path& package, const fs::path& aside) {
  if (!is_there(package)) return move(with, package);
  TRY(move(package, aside));
  if (auto moved = move(with, package); !moved) {
    TRY(move(aside, package));
    return moved;
  }
  std::error_code error;
  fs::remove_all(aside, error);
  if (error) return fail("cannot remove {}, the former {}: {}", aside.string(), package.string(), error.message());
  return {};
}

Result<> write_package(fs::path path, const Model& model, const Weights& weights) {
  if (!path.has_filename()) path = path.parent_path();  // of "model.mlpackage/"
  if (is_there(path) && !is_there(path / "Manifest.json")) {
    return fail("{} is there and is no package: choose another path", path.string());
  }
  const Written written = TRY(gather(model, weights, "weight.bin", encode_described));
  const TemporaryFolder folder(fmt::format("{}.tmp-{}", path.string(), getpid()));
  TRY(make_folder(folder.path));
  TRY(fill_package(folder.path, written));
  return replace(folder.path, path, fmt::format("{}.old-{}", path.string(), getpid()));
}

// Text or a message, and its weights beside it.
Result<> write_beside(const fs::path& path, const Model& model, const Weights& weights, Encode encode) {
  const std::string weight_file = path.stem().string() + ".bin";
  const Written written = TRY(gather(model, weights, weight_file, encode));
  if (written.has_weights) {
    const fs::path folder = path.parent_path() / kWeightFolder;
    TRY(make_folder(folder));
    TRY(written.weights.save((folder / weight_file).string()));
  }
  return write_file(path, std::span(written.message));
}

}  // namespace

std::string_view to_string(ModelFiles::Kind kind) {
  constexpr std::array<std::string_view, 4> kNames{"MIL text", "package", "model", "compiled model"};
  return kNames[static_cast<size_t>(kind)];
}

Result<ModelFiles> find_model(const std::string& path) {
  const fs::path root = path;
  using enum ModelFiles::Kind;
  if (!is_there(root)) return fail("there is no {}", path);
  if (!is_folder(root)) {
    return ModelFiles{root.extension() == ".mlmodel" ? message : text, path, root.parent_path().string()};
  }
  if (is_there(root / "Manifest.json")) return find_in_package(root);
  if (is_there(root / "model.mil")) return ModelFiles{compiled, (root / "model.mil").string(), path};
  if (is_folder(root / "model0")) return fail("{} is a pipeline: give one of its models, {}/model0", path, path);
  return fail("{} is no model: it has neither a Manifest.json nor a model.mil", path);
}

Result<LoadedModel> read_model(const std::string& path) {
  const ModelFiles files = TRY(find_model(path));
  const bool is_text = files.kind == ModelFiles::Kind::text || files.kind == ModelFiles::Kind::compiled;
  const MappedFile file = TRY(MappedFile::open(files.program));
  LoadedModel loaded{.kind = files.kind, .model = {}, .weights = {}, .findings = {}};
  loaded.model = TRY(is_text ? decode_text(file.bytes(), files.program) : decode_model(file.bytes(), files.program));
  if (loaded.model.program.functions.empty()) return fail("{}: it holds no function", files.program);
  loaded.weights = TRY(load_all_weights(loaded.model.program, files.folder, loaded.findings));
  for (Function& function : loaded.model.program.functions) {
    const std::string where = is_text ? files.program : fmt::format("{}: function {}", files.program, function.name);
    TRY(check(function, &loaded.weights, where));
  }
  return loaded;
}

Result<> write_model(const std::string& path, const Model& model, const Weights& weights) {
  if (path.ends_with(".mil")) return write_beside(path, model, weights, encode_text);
  if (path.ends_with(".mlmodel")) return write_beside(path, model, weights, encode_described);
  if (path.ends_with(".mlpackage") || path.ends_with(".mlpackage/")) return write_package(path, model, weights);
  return fail("{}: the extension tells the format: .mil, .mlpackage or .mlmodel", path);
}

Result<const Function*> find_function(const Model& model, const std::string& name) {
  const Program& program = model.program;
  const std::string wanted = name.empty() ? model.default_function : name;
  if (const Function* function = program.function(wanted)) return function;
  if (name.empty() && program.functions.size() == 1) return &program.functions[0];
  std::vector<std::string> names;
  for (const Function& function : program.functions) names.push_back(function.name);
  return fail("there is no function {}: choose one of {}", wanted, fmt::join(names, ", "));
}

}  // namespace anemone::mil
