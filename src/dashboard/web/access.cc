#include "dashboard/web/access.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

namespace anemone::dashboard {
namespace {

constexpr size_t kTokenBytes = 16;

std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

bool is_address(std::string_view text) {
  const std::string name(text);
  std::array<unsigned char, sizeof(in6_addr)> binary;
  return inet_pton(AF_INET, name.c_str(), binary.data()) == 1 || inet_pton(AF_INET6, name.c_str(), binary.data()) == 1;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string machine_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

bool is_loopback(std::string_view address) {
  return address == "::1" || same_name(address, "localhost") || (is_address(address) && address.starts_with("127."));
}

std::string_view host_name(std::string_view header) {
  if (header.starts_with('[')) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

Result<Access> Access::to(std::string address) {
  std::array<unsigned char, kTokenBytes> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return fail("the system has no random numbers for a token");
  return Access(std::move(address), hex(bytes));
}

Access::Access(std::string address, std::string token)
    : address_(std::move(address)),
      token_(std::move(token)),
      machine_(machine_name()),
      loopback_(is_loopback(address_)) {}

// A name of another site can be made to point at any address, but an address cannot be made a name of that site's.
bool Access::knows_host(std::string_view name) const {
  if (is_loopback(name)) return true;
  if (loopback_) return false;
  return is_address(name) || same_name(name, address_) || same_name(name, machine_) ||
         same_name(name, machine_ + ".local");
}

// In the same time, however much of it is right.
bool Access::is_token(std::string_view text) const {
  return text.size() == token_.size() && CRYPTO_memcmp(text.data(), token_.data(), text.size()) == 0;
}

std::string Access::refusal(const RequestHeaders& headers, Wish wish) const {
  if (!knows_host(host_name(headers.host)))
    return "this server does not go by the name that was asked for: use the address that anemone printed";
  if (!headers.origin.empty() && headers.origin != "http://" + headers.host)
    return "requests of other sites are not answered";
  if (wish == Wish::page) return "";
  if (!headers.fetch_site.empty() && headers.fetch_site != "same-origin" && headers.fetch_site != "none")
    return "requests of other sites are not answered";
  if ((wish == Wish::command || open_to_others()) && !is_token(headers.token))
    return "this wants the token: open the address that anemone printed, with what follows its #";
  return "";
}

}  // namespace anemone::dashboard
