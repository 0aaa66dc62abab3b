// Foundation's values, made and read. What is made is autoreleased: a Pool must be there.
//
//   Pool pool;
//   Id options = dictionary_of({});
//   if (!answered) return fail("{}", error_text(error));
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/ane/objc.h"

namespace anemone::ane {

// An error names what the system lacks of the classes and selectors used here.
Result<> check_foundation();

Id data_of(std::span<const std::byte> bytes);  // a copy of them
Id string_of(const std::string& text);         // UTF-8, without zeros in it
Id number_of(uint64_t value);
Id array_of(const std::vector<Id>& items);
Id dictionary_of(const std::vector<std::pair<Id, Id>>& entries);  // of a key and its value

std::string text_of(Id string);  // empty for nil
std::string temporary_folder();  // where the framework looks for programs; ends without a slash

// An NSError in words: its text, domain and number, and what is known of a status that the text or the number gives.
// "Program Inference error (status=0x1d) (com.apple.appleneuralengine, code 8): status 0x1d is …"
std::string error_text(Id error);

}  // namespace anemone::ane
