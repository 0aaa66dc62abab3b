#include "device/ane/objc.h"

#include <dlfcn.h>
#include <fmt/ranges.h>

#include <mutex>

namespace anemone::ane {
namespace {

Runtime loaded_runtime;
bool is_loaded = false;

Result<void*> open_library(const std::string& path) {
  if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  return fail("{}", dlerror());
}

}  // namespace

const Runtime& Runtime::get() { return loaded_runtime; }

void* Runtime::symbol(const char* name) const {
  for (void* library : libraries_) {
    if (void* address = dlsym(library, name)) return address;
  }
  return nullptr;
}

Result<> Runtime::load(const std::vector<std::string>& libraries) {
  static std::mutex loading;
  const std::lock_guard lock(loading);
  if (is_loaded) {
    if (loaded_runtime.paths_ == libraries) return {};
    return fail("this process already speaks to {}", fmt::join(loaded_runtime.paths_, ", "));
  }
  Runtime runtime;
  for (const std::string& path : libraries) runtime.libraries_.push_back(TRY(open_library(path)));
  TRY(runtime.look_up());
  runtime.paths_ = libraries;
  loaded_runtime = std::move(runtime);
  is_loaded = true;
  return {};
}

Result<> Runtime::look_up() {
  std::string missing;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol(name));
    if (function == nullptr) missing += std::string(missing.empty() ? "" : ", ") + name;
  };
  find(objc_getClass, "objc_getClass");
  find(objc_getClassList, "objc_getClassList");
  find(sel_registerName, "sel_registerName");
  find(sel_getName, "sel_getName");
  find(object_getClass, "object_getClass");
  find(class_getName, "class_getName");
  find(class_getMethodImplementation, "class_getMethodImplementation");
  find(class_getInstanceMethod, "class_getInstanceMethod");
  find(class_copyMethodList, "class_copyMethodList");
  find(method_getName, "method_getName");
  find(method_getTypeEncoding, "method_getTypeEncoding");
  if (!missing.empty()) return fail("it has no Objective-C runtime: {} not found", missing);
  return {};
}

Id class_named(const char* name) { return Runtime::get().objc_getClass(name); }

// ---- Type encodings

namespace {

// Takes one type off the front of an encoding.
char take_type(std::string_view& rest);

// "{__IOSurface=}": up to the bracket that closes the first.
void skip_brackets(std::string_view& rest, char open, char close) {
  int depth = 1;
  while (!rest.empty() && depth > 0) {
    depth += rest[0] == open ? 1 : rest[0] == close ? -1 : 0;
    rest.remove_prefix(1);
  }
}

// What may follow @: the ? of a block, or a class in quotes.
void skip_class(std::string_view& rest) {
  if (rest.starts_with('?')) rest.remove_prefix(1);
  if (!rest.starts_with('"')) return;
  rest.remove_prefix(1);
  const size_t end = rest.find('"');
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
}

char take_plain(char code, std::string_view& rest) {
  switch (code) {
    case '^':
      take_type(rest);
      return '@';
    case '@':
      skip_class(rest);
      return '@';
    case '#':
    case ':':
    case '*':
      return '@';
    case 'c':
    case 'C':
    case 'B':
      return 'B';
    case 'i':
    case 'I':
    case 'l':  // 32 bits wherever it is written
    case 'L':
      return 'I';
    case 'q':
    case 'Q':
      return 'Q';
    case '{':
      skip_brackets(rest, '{', '}');
      return '{';
    case '(':
      skip_brackets(rest, '(', ')');
      return '(';
    case '[':
      skip_brackets(rest, '[', ']');
      return '@';
    default:
      return code;
  }
}

char take_type(std::string_view& rest) {
  constexpr std::string_view kQualifiers = "rnNoORVAj";  // const, in, inout, out, bycopy, byref, oneway, atomic
  while (!rest.empty() && kQualifiers.find(rest[0]) != kQualifiers.npos) rest.remove_prefix(1);
  if (rest.empty()) return '?';
  const char code = rest[0];
  rest.remove_prefix(1);
  return take_plain(code, rest);
}

void skip_place(std::string_view& rest) {
  while (!rest.empty() && (rest[0] == '+' || rest[0] == '-' || (rest[0] >= '0' && rest[0] <= '9')))
    rest.remove_prefix(1);
}

}  // namespace

std::string plain_encoding(std::string_view encoding) {
  std::string plain;
  while (!encoding.empty()) {
    plain += take_type(encoding);
    skip_place(encoding);
  }
  return plain;
}

std::string MethodName::text() const {
  return fmt::format("{}[{} {}]", of == Of::classes ? '+' : '-', owner, selector);
}

Result<> check_method(const MethodName& name, std::string_view encoding) {
  const Runtime& runtime = Runtime::get();
  const Id owner = class_named(name.owner);
  if (owner == nullptr) return fail("there is no class {}", name.owner);
  const Id holder = name.of == Of::classes ? runtime.object_getClass(owner) : owner;
  const Method method = runtime.class_getInstanceMethod(holder, runtime.sel_registerName(name.selector));
  if (method == nullptr) return fail("there is no {}", name.text());
  const char* actual = runtime.method_getTypeEncoding(method);
  if (actual == nullptr || plain_encoding(actual) == encoding) return {};
  return fail("{} is of type {}, not of one like {}", name.text(), actual, encoding);
}

}  // namespace anemone::ane
