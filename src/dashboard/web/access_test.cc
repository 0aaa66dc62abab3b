#include "dashboard/web/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace anemone::dashboard {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

Access access_to(const std::string& address) { return *Access::to(address); }

TEST(AccessTest, TokensAreLongAndNeverTheSame) {
  const Access one = access_to("127.0.0.1"), other = access_to("127.0.0.1");
  EXPECT_THAT(one.token(), MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(one.token().size(), 32u);
  EXPECT_NE(one.token(), other.token());
}

TEST(AccessTest, HostsLoseTheirPort) {
  EXPECT_EQ(host_name("127.0.0.1:7717"), "127.0.0.1");
  EXPECT_EQ(host_name("localhost"), "localhost");
  EXPECT_EQ(host_name("[::1]:7717"), "::1");
  EXPECT_EQ(host_name("[::1"), "::1");
  EXPECT_EQ(host_name(""), "");
}

TEST(AccessTest, OnlyThisMachinesAddressesAreItsOwn) {
  for (const char* own : {"127.0.0.1", "127.1.2.3", "::1", "localhost", "LocalHost"}) EXPECT_TRUE(is_loopback(own));
  for (const char* other : {"0.0.0.0", "192.168.1.2", "::", "127.evil.example", "localhost.evil.example", ""})
    EXPECT_FALSE(is_loopback(other)) << other;
}

TEST(AccessTest, HereAnybodyReadsAndOnlyTheTokenCommands) {
  const Access access = access_to("127.0.0.1");
  const RequestHeaders plain{.host = "127.0.0.1:7717"};
  EXPECT_EQ(access.refusal(plain, Wish::page), "");
  EXPECT_EQ(access.refusal(plain, Wish::read), "");
  EXPECT_THAT(access.refusal(plain, Wish::command), HasSubstr("token"));

  RequestHeaders with_token = plain;
  with_token.token = access.token();
  EXPECT_EQ(access.refusal(with_token, Wish::command), "");
  with_token.token.back() ^= 1;
  EXPECT_THAT(access.refusal(with_token, Wish::command), HasSubstr("token"));
  with_token.token = access.token().substr(1);
  EXPECT_THAT(access.refusal(with_token, Wish::command), HasSubstr("token"));
}

TEST(AccessTest, ElsewhereNothingIsToldWithoutTheToken) {
  const Access access = access_to("0.0.0.0");
  RequestHeaders headers{.host = "192.168.1.2:7717"};
  EXPECT_EQ(access.refusal(headers, Wish::page), "");
  EXPECT_THAT(access.refusal(headers, Wish::read), HasSubstr("token"));
  headers.token = access.token();
  EXPECT_EQ(access.refusal(headers, Wish::read), "");
}

// A page of evil.example whose name suddenly points to this machine asks as its own origin, so only the Host tells.
TEST(AccessTest, NamesThatWereMadeToPointHereAreRefused) {
  for (const char* address : {"127.0.0.1", "0.0.0.0"}) {
    const Access access = access_to(address);
    for (const char* host : {"evil.example:7717", "127.0.0.1.evil.example", "localhost.evil.example", ""}) {
      const RequestHeaders headers{
          .host = host, .origin = std::string("http://") + host, .fetch_site = "same-origin", .token = access.token()};
      EXPECT_THAT(access.refusal(headers, Wish::page), HasSubstr("name")) << host;
    }
  }
}

TEST(AccessTest, PagesOfOtherSitesAreRefusedEvenWithTheToken) {
  const Access access = access_to("127.0.0.1");
  for (const char* origin : {"http://evil.example", "http://127.0.0.1:3000", "https://127.0.0.1:7717", "null"}) {
    const RequestHeaders headers{.host = "127.0.0.1:7717", .origin = origin, .token = access.token()};
    EXPECT_THAT(access.refusal(headers, Wish::read), HasSubstr("other sites")) << origin;
    EXPECT_THAT(access.refusal(headers, Wish::command), HasSubstr("other sites")) << origin;
  }
  // Requests without answers for the page, as those for images, have no Origin.
  const RequestHeaders image{.host = "127.0.0.1:7717", .fetch_site = "cross-site"};
  EXPECT_THAT(access.refusal(image, Wish::read), HasSubstr("other sites"));
  // Who follows a link to the page comes from another site.
  EXPECT_EQ(access.refusal(image, Wish::page), "");
  const RequestHeaders own{.host = "127.0.0.1:7717", .origin = "http://127.0.0.1:7717", .fetch_site = "same-origin"};
  EXPECT_EQ(access.refusal(own, Wish::read), "");
}

}  // namespace
}  // namespace anemone::dashboard
