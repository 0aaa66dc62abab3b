// What a token file holds, at a glance.
//
//   TokenStats stats = token_stats(tokens, tokenizer.bos());
#pragma once

#include <cstdint>

#include "text/token_file.h"

namespace anemone::text {

struct TokenStats {
  int32_t smallest = 0;
  int32_t largest = 0;
  int64_t used = 0;       // different ids
  int64_t documents = 0;  // times BOS occurs
};

TokenStats token_stats(const TokenFile& tokens, int32_t bos);  // of at least one token

}  // namespace anemone::text
