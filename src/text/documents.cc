#include "text/documents.h"

namespace anemone::text {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

bool is_single_blank(std::string_view text, size_t at) {
  return text[at] == ' ' && text[at - 1] != ' ' && at + 1 < text.size() && text[at + 1] != ' ';
}

}  // namespace

Result<> for_each_document(std::string_view text, const std::function<Result<>(std::string_view)>& visit) {
  while (!text.empty()) {
    const size_t end = text.find(kDocumentEnd);
    const std::string_view document = trim(text.substr(0, end));
    if (!document.empty()) TRY(visit(document));
    text = end == text.npos ? std::string_view() : text.substr(end + kDocumentEnd.size());
  }
  return {};
}

std::vector<std::string_view> cut_at_blanks(std::string_view text, size_t length) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t at = length; at < text.size(); ++at) {
    if (!is_single_blank(text, at)) continue;
    parts.push_back(text.substr(begin, at - begin));
    begin = at + 1;
    at += length;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace anemone::text
