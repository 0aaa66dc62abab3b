// A rule of the engine as data: what it wants, where it holds, who saw it, who saw otherwise.
//
//   const EngineRule rule{.id = "C12",
//                         .statement = "a matmul contracts at most 32768 elements",
//                         .remedy = "split the contraction and add the parts",
//                         .source = "751K (M4, M6)"};
//   rule.where.hold({Chip::m4})       // true: nothing limits where it holds
//
// The ids are those of the catalogue of public measurements that the rules were gathered from: S for surfaces, C for
// the compiler and the hardware. Sources are named as their authors call themselves; "751K" is the microarchitecture
// study of that name.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "mil/engine/profile.h"

namespace anemone::mil {

// Where a rule holds.
struct Conditions {
  static constexpr unsigned kAll = ~0U;
  unsigned chips = kAll, systems = kAll, paths = kAll;  // a bit a value

  bool hold(const Profile& profile) const;
};

template <class Enum>
constexpr unsigned only(std::initializer_list<Enum> values) {
  unsigned bits = 0;
  for (const Enum value : values) bits |= 1U << static_cast<unsigned>(value);
  return bits;
}
inline constexpr unsigned kM1Class = only({Chip::m1});
inline constexpr unsigned kM4Family = only({Chip::m4, Chip::m4_pro, Chip::m4_max});
inline constexpr unsigned kDirect = only({Path::direct});
inline constexpr unsigned kCoreML = only({Path::coreml});

// When a program meets a rule.
enum class Stage : uint8_t {
  compile,
  bind,  // with the surfaces of a request
  run,
  none,  // not enforced
};
std::string_view to_string(Stage stage);

// What happens to a program that breaks it.
enum class Effect : uint8_t {
  refused,  // an error; through Core ML it runs on another processor instead
  wrong,    // it runs, and gives other numbers
  risky,    // it runs, and gives other numbers for some inputs
  slow,     // it runs, slower
  none,     // none can break it: the engine is so
};
std::string_view to_string(Effect effect);

enum class Severity : uint8_t { error, warning, note };
std::string_view to_string(Severity severity);

struct EngineRule {
  std::string_view id;
  std::string_view statement;     // what the engine wants or does
  std::string_view remedy;        // what to do instead; of a rule that is not enforced, why
  std::string_view source;        // who saw it
  std::string_view against = {};  // who saw otherwise
  Conditions where = {};
  Stage stage = Stage::compile;
  Effect effect = Effect::refused;

  bool disputed() const { return !against.empty(); }
  std::string sources() const;  // "Orion; disputed: ANEForge runs it"
};

// Disputed rules warn, or are errors where `strict`; what Core ML takes elsewhere and what is only risky warns; what is
// only slow is noted.
Severity severity_of(const EngineRule& rule, const Profile& profile, bool strict);

// ---- Numbers of the interface, for whoever imitates or drives it

// Compiled programs that a process may make (C03: maderix, Orion), or hold loaded (field guide: freeing helps, 226 were
// made; Core ML's runtime took about 128).
inline constexpr int kMostCompiles = 119;
inline constexpr int kMostLoaded = 119, kMostLoadedByCoreML = 128;
// Requests in flight, and indices of procedures that a program of one function takes (S09: ane-infer, M5; maderix).
inline constexpr int kQueueDepth = 127, kProcedures = 16;
// Qualities of service, all without effect (maderix, M5), and the one that every known program asks for.
inline constexpr int kQualities = 64, kUsualQuality = 21;
// Bytes of the smallest surface (S04: Orion, M4 Max), and elements of the shortest row (field guide, M3 Max).
inline constexpr int kSmallestSurface = 49152, kRowMultiple = 32;
// Where the first blob of a weight file stands, and what its place is a multiple of (C06: all).
inline constexpr int kFirstBlob = 64;

// What an evaluation answers where it fails.
enum class Status : uint32_t {
  wrong_symbol = 0x2,  // a procedure that is not there
  narrow = 0x9,        // a width that is too small
  bad_dma_word = 0x15,
  evaluation_failed = 0x1d  // surfaces of a wrong size, or an engine that is poisoned
};

}  // namespace anemone::mil
