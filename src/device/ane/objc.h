// The Objective-C runtime, found by symbol lookup: nothing of it is linked or included, so this builds on every system.
//
//   TRY(Runtime::load({"/usr/lib/libobjc.A.dylib", ".../Foundation"}));    // once a process
//   Pool pool;                                                            // on each thread, around what sends messages
//   Id text = send<Id>(class_named("NSString"), "stringWithUTF8String:", "…");
//   Owned kept = Owned::retained(text);                                   // outlives the pool
//
// Message spells a selector together with its C type, which its type encoding in the runtime is checked against before
// it is ever sent: a wrong guess becomes a sentence, not a crash.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"

namespace anemone::ane {

using Id = void*;  // an object or a class
using Selector = void*;
using Method = void*;
using Implementation = void (*)();
using Bool = uint8_t;  // BOOL is bool, signed char or unsigned char; all come back in the low byte

// The functions of the runtime that are called, by their names.
class Runtime {
 public:
  // Opens the libraries and looks everything up. Later calls change nothing and succeed, if the libraries are the same.
  static Result<> load(const std::vector<std::string>& libraries);
  static const Runtime& get();  // after load()

  // Of the libraries and all that they stand on; null where there is none.
  void* symbol(const char* name) const;

  // NOLINTBEGIN(readability-identifier-naming): the runtime's own names
  Id (*objc_getClass)(const char* name);
  int (*objc_getClassList)(Id* classes, int capacity);
  Selector (*sel_registerName)(const char* name);
  const char* (*sel_getName)(Selector selector);
  Id (*object_getClass)(Id object);
  const char* (*class_getName)(Id of);
  Implementation (*class_getMethodImplementation)(Id of, Selector selector);
  Method (*class_getInstanceMethod)(Id of, Selector selector);
  Method* (*class_copyMethodList)(Id of, unsigned* count);
  Selector (*method_getName)(Method method);
  const char* (*method_getTypeEncoding)(Method method);
  // NOLINTEND(readability-identifier-naming)

 private:
  Result<> look_up();

  std::vector<std::string> paths_;
  std::vector<void*> libraries_;
};

// Null where there is none.
Id class_named(const char* name);

// Nil receivers answer nothing, as in Objective-C.
template <class Answer, class... Args>
Answer send(Id receiver, const char* selector, Args... args) {
  if (receiver == nullptr) return Answer();
  const Runtime& runtime = Runtime::get();
  const Selector name = runtime.sel_registerName(selector);
  const auto function = reinterpret_cast<Answer (*)(Id, Selector, Args...)>(
      runtime.class_getMethodImplementation(runtime.object_getClass(receiver), name));
  return function(receiver, name, args...);
}

// An autorelease pool around what happens while it lives.
class Pool {
 public:
  Pool() : pool_(send<Id>(send<Id>(class_named("NSAutoreleasePool"), "alloc"), "init")) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { send<void>(pool_, "drain"); }

 private:
  Id pool_;
};

// A reference that counts.
class Owned {
 public:
  Owned() = default;
  static Owned retained(Id object) { return Owned(send<Id>(object, "retain")); }
  static Owned taken(Id object) { return Owned(object); }  // of `init`, or a function that creates
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() { send<void>(object_, "release"); }

  Id get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  explicit Owned(Id object) : object_(object) {}
  Id object_ = nullptr;
};

// ---- Type encodings

// A type encoding with what calls alike made alike: "B36@0:8I16@20^@28" is "B@@I@@", where @ is any pointer.
std::string plain_encoding(std::string_view encoding);

template <class T>
constexpr char encoding_of() {
  if constexpr (std::is_void_v<T>) {
    return 'v';
  } else if constexpr (std::is_pointer_v<T>) {
    return '@';
  } else if constexpr (std::is_same_v<T, Bool>) {
    return 'B';
  } else {
    static_assert(std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
    return sizeof(T) == 4 ? 'I' : 'Q';
  }
}

enum class Of { instances, classes };

// A method that ought to be there.
struct MethodName {
  const char* owner;
  Of of;
  const char* selector;

  std::string text() const;  // "-[_ANEModel program]"
};

// Whether it is there: an error says what is missing or has another type than `encoding`, which is plain.
Result<> check_method(const MethodName& method, std::string_view encoding);

template <class Signature>
class Message;

// A method of the framework. What it throws becomes an error: no exception leaves this folder.
template <class Answer, class... Args>
class Message<Answer(Args...)> {
 public:
  constexpr Message(const char* owner, Of of, const char* selector) : name_{owner, of, selector} {}

  Result<Answer> operator()(Id receiver, Args... args) const {
    try {
      if constexpr (std::is_void_v<Answer>) {
        send<void>(receiver, name_.selector, args...);
        return {};
      } else {
        return send<Answer>(receiver, name_.selector, args...);
      }
    } catch (...) {
      return fail("{} raised an exception", name_.text());
    }
  }
  // Of a class method, to its own class.
  Result<Answer> of_class(Args... args) const { return (*this)(class_named(name_.owner), args...); }

  const MethodName& name() const { return name_; }
  Result<> check() const {
    return check_method(name_, std::string{encoding_of<Answer>(), '@', '@', encoding_of<Args>()...});
  }

 private:
  MethodName name_;
};

}  // namespace anemone::ane
