// The grammar of our stories (grammar.h tells its notation): who and what they are about, and what happens.
#pragma once

#include <string_view>

namespace anemone::text {

extern const std::string_view kStoryCast;        // characters, things, places, openings and endings
extern const std::string_view kStoryPlots;       // what befalls one hero; the rule `story` joins both files' plots
extern const std::string_view kFriendshipPlots;  // what happens between friends, and on adventures

}  // namespace anemone::text
