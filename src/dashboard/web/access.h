// Who may talk to the dashboard's server.
//
//   const Access access = TRY(Access::to("127.0.0.1"));
//   url += "#token=" + access.token();
//   const std::string refusal = access.refusal(headers, Wish::command);      // empty: come in
//
// Commands, and on other addresses than this machine's own all that is told, want the token, which is not to be
// guessed. Pages of other sites are kept out even of what anybody here may read: by the Host that they believe to talk
// to (a name of theirs that they let point here), and by what browsers say of where a request comes from.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace anemone::dashboard {

// What a request says of itself; empty where it does not.
struct RequestHeaders {
  std::string host{}, origin{}, fetch_site{}, token{};
};

enum class Wish {
  page,     // without data
  read,     // what the run does
  command,  // change it
};

class Access {
 public:
  // `address`: what the server listens on. Fails where the system has no randomness for a token.
  static Result<Access> to(std::string address);

  const std::string& token() const { return token_; }
  // Whether others than this machine can reach the address.
  bool open_to_others() const { return !loopback_; }
  // Why the request is refused, in a sentence; empty: it is not.
  std::string refusal(const RequestHeaders& headers, Wish wish) const;

 private:
  Access(std::string address, std::string token);
  bool knows_host(std::string_view name) const;
  bool is_token(std::string_view text) const;

  std::string address_, token_, machine_;
  bool loopback_;
};

// An address that only this machine reaches: 127.x.y.z, ::1, localhost.
bool is_loopback(std::string_view address);
// The host of a Host header, without its port: "127.0.0.1", "::1", "localhost".
std::string_view host_name(std::string_view header);

}  // namespace anemone::dashboard
