#include "text/utf8.h"

#include <cstdint>

namespace anemone::text {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";

// Length of the sequence a lead byte opens and the range of its second byte; length 0 where it opens none.
struct Lead {
  size_t length;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

Lead lead_of(uint8_t byte) {
  if (byte < 0x80) return {1};
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

}  // namespace

Utf8Sequence first_sequence(std::string_view bytes) {
  using Kind = Utf8Sequence::Kind;
  const Lead lead = lead_of(static_cast<uint8_t>(bytes[0]));
  if (lead.length == 0) return {Kind::invalid, 1};
  for (size_t i = 1; i < lead.length; ++i) {
    if (i == bytes.size()) return {Kind::incomplete, i};
    const auto byte = static_cast<uint8_t>(bytes[i]);
    const uint8_t low = i == 1 ? lead.low : 0x80, high = i == 1 ? lead.high : 0xBF;
    if (byte < low || byte > high) return {Kind::invalid, i};
  }
  return {Kind::complete, lead.length};
}

char32_t code_point(std::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  char32_t code = sequence.size() == 1 ? lead : lead & (0x7F >> sequence.size());
  for (char c : sequence.substr(1)) code = code << 6 | (static_cast<uint8_t>(c) & 0x3F);
  return code;
}

std::string take_complete(std::string& pending) {
  std::string text;
  std::string_view rest = pending;
  while (!rest.empty()) {
    const Utf8Sequence sequence = first_sequence(rest);
    if (sequence.kind == Utf8Sequence::Kind::incomplete) break;
    const bool valid = sequence.kind == Utf8Sequence::Kind::complete;
    text += valid ? rest.substr(0, sequence.length) : kReplacement;
    rest.remove_prefix(sequence.length);
  }
  pending.erase(0, pending.size() - rest.size());
  return text;
}

std::string valid_utf8(std::string_view bytes) {
  std::string pending(bytes);
  std::string text = take_complete(pending);
  if (!pending.empty()) text += kReplacement;
  return text;
}

}  // namespace anemone::text
