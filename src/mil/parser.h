// MIL text read: both dialects, program(1.0) and program(1.3), as the compiler and people write them.
//
//   Program program = TRY(parse(text, "model.mil"));
//   TRY(check(program.functions[0], &weights));        // inference.h: types
//
//   program  = "program" "(" VERSION ")" [attrs] "{" {function} "}" ;
//   function = "func" ID "<" OPSET ">" "(" [type ID {"," type ID}] ")" [attrs]
//              "{" {stmt} "}" "->" "(" ID {"," ID} ")" ";" ;
//   stmt     = [type ID {"," type ID} "="] ID ["<" OPSET ">"] "(" [arg {"," arg}] ")" [attrs] ";" ;
//   arg      = ID "=" operand ;
//   operand  = ID | value | "(" [operand {"," operand}] ")" ;
//   attrs    = "[" [ID "=" value {"," ID "=" value}] "]" ;
//   value    = type "(" (literal | "BLOBFILE" "(" "path" "=" value "," "offset" "=" value ")") ")" ;
//
// Names are resolved, ops and literals checked; types are inferred by check(). parse(print(p)) == p.
#pragma once

#include <string_view>

#include "mil/function.h"

namespace anemone::mil {

// `where` names the text in errors: "model.mil:12:5: expected …, found …".
Result<Program> parse(std::string_view text, std::string_view where = "program");

}  // namespace anemone::mil
