#include "mil/engine/device_rules.h"

namespace anemone::mil {
namespace {

// What surfaces and requests do, and devices imitate.
std::vector<EngineRule> behaviours() {
  return {
      {.id = "S08",
       .statement = "a surface larger than its tensor is read and written as the packed prefix, without strides",
       .remedy = "nothing: devices here do so on every chip",
       .source = "Orion (M4 Max)",
       .stage = Stage::run,
       .effect = Effect::none},
      {.id = "C01",
       .statement = "weights are fixed at compile: other files and a reload change nothing",
       .remedy = "compile again; a device that simulates the engine answers that it does not reload",
       .source = "maderix (M5), Orion",
       .against = "Orion's second version reports that a reload works, unverified",
       .where = {.paths = kDirect},
       .stage = Stage::run,
       .effect = Effect::none},
      {.id = "C02",
       .statement = "a request's weights surface does not stand for the constants",
       .remedy = "nothing: it is taken, and ignored",
       .source = "maderix (M5)",
       .where = {.paths = kDirect},
       .stage = Stage::bind,
       .effect = Effect::none},
      {.id = "C08",
       .statement = "sizes and offsets in weight files are validated",
       .remedy = "write the files anew: anemone mil convert does",
       .source = "maderix, issue 42 (macOS 15.7.4)",
       .where = {.systems = only({System::macos15})}},
      {.id = "C08",
       .statement = "sizes and offsets in weight files are not validated, but ought to conform",
       .remedy = "write the files anew: anemone mil convert does",
       .source = "maderix, issues 42 and 28 (macOS 26)",
       .where = {.systems = only({System::macos26, System::macos27})},
       .effect = Effect::risky},
  };
}

EngineRule remark(std::string_view id, std::string_view statement, std::string_view why_not, std::string_view source,
                  Conditions where = {}, Effect effect = Effect::refused) {
  return {.id = id,
          .statement = statement,
          .remedy = why_not,
          .source = source,
          .where = where,
          .stage = Stage::none,
          .effect = effect};
}

constexpr Conditions kOnDirect{.paths = kDirect};

// Of the interface to the engine: nothing that can be seen away from it.
std::vector<EngineRule> of_the_interface() {
  return {
      remark("S03", "a surface is one row: width, row and allocation are its bytes; height and element size are 1",
             "surfaces here are bytes, without such properties", "all", kOnDirect),
      remark("S09",
             "of several functions in a program, the n-th takes symbol index n, else status 0x2; a queue holds 127",
             "a program here is one function, and a run ends before the next begins",
             "ane-infer (M5), maderix (M4, M5)", kOnDirect),
      remark("C04", "compiled programs are cached by text and weights; loading one is some 10 times faster",
             "it changes times alone", "field guide, maderix", kOnDirect, Effect::slow),
      remark("C05", "MIL text is NSData, and an empty dictionary of weights is @{}, not nil",
             "programs here are no messages to Apple's classes", "Orion, maderix; maderix passes nil in one file",
             kOnDirect),
      remark("C09", "compileModelAtURL: fails in benchmarks", "programs here are compiled from memory",
             "maderix, issue 27 (macOS 26)", {.systems = only({System::macos26}), .paths = kDirect}),
      remark("C13", "no axis is longer than 65536", "S10 says the same, and is enforced", "751K (M4, M6)"),
      remark("C38", "an unknown target architecture falls back silently; a failure's text can be empty",
             "chips here are those that are known, and errors say what failed", "751K; Espresso, issue 18"),
      remark("C39", "access from the background is restricted", "there is no background away from an iPhone or a Mac",
             "FluidAudio, issue 738", {.systems = only({System::macos27})}),
  };
}

// Of time and placement.
std::vector<EngineRule> of_time() {
  return {
      remark("C18", "chains of elementwise ops compile superlinearly for targets of many engines: 512 layers in 179 s",
             "it costs time alone, and only that length is known", "751K (M6)", {.chips = only({Chip::m6})},
             Effect::slow),
      remark("C35",
             "texture ops, topk and sort come with the A14; int4 tables and sparsity are native from A13, int8 "
             "from A14, blockwise from A15",
             "every chip here has the former, and expands the latter to fp16 where they are not native", "ANEForge"),
      remark("C36",
             "Core ML splits a program by cost, .125 ms for each launch and change, and keeps small ones on the CPU",
             "where Core ML puts an op is its own decision", "751K (M4, 440 of 482 decisions)", {.paths = kCoreML},
             Effect::slow),
      remark("C37", "one program's runs in one process follow one another", "it changes times alone", "751K (M6)",
             {.chips = only({Chip::m6})}, Effect::slow),
  };
}

}  // namespace

const std::vector<EngineRule>& device_rules() {
  static const std::vector<EngineRule> rules = [] {
    std::vector<EngineRule> all{kLoadedRule, kLoadedByCoreMLRule, kCompilesRule, kProcedureRule, kPoisonRule};
    for (const auto& part : {behaviours(), of_the_interface(), of_time()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return rules;
}

}  // namespace anemone::mil
