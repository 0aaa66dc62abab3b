#include "dashboard/web/feed.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace anemone::dashboard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(FeedTest, EachListenerHearsTheNewestOnce) {
  Feed feed(2);
  const auto slow = feed.join(), quick = feed.join();
  feed.tell("one");
  EXPECT_EQ(**feed.wait(*quick, milliseconds(0)), "one");
  feed.tell("two");
  feed.tell("three");
  EXPECT_EQ(**feed.wait(*slow, milliseconds(0)), "three");
  EXPECT_EQ(**feed.wait(*quick, milliseconds(0)), "three");
  EXPECT_EQ(feed.wait(*quick, milliseconds(1)), Feed::Told{});
}

TEST(FeedTest, WhoJoinsHearsNothingOld) {
  Feed feed(1);
  feed.tell("old");
  const auto seat = feed.join();
  EXPECT_EQ(feed.wait(*seat, milliseconds(0)), Feed::Told{});
  feed.tell("new");
  EXPECT_EQ(**feed.wait(*seat, milliseconds(0)), "new");
}

TEST(FeedTest, SeatsAreLimitedAndComeBack) {
  Feed feed(2);
  auto first = feed.join();
  const auto second = feed.join();
  EXPECT_EQ(feed.join(), nullptr);
  EXPECT_EQ(feed.listeners(), 2);
  first.reset();
  EXPECT_NE(feed.join(), nullptr);
}

TEST(FeedTest, NewsAndTheEndWakeThoseWhoWait) {
  Feed feed(1);
  const auto seat = feed.join();
  std::thread teller([&] { feed.tell("news"); });
  EXPECT_EQ(**feed.wait(*seat, seconds(60)), "news");
  teller.join();
  std::thread closer([&] { feed.close(); });
  EXPECT_EQ(feed.wait(*seat, seconds(60)), std::nullopt);
  closer.join();
  EXPECT_EQ(feed.join(), nullptr);
}

}  // namespace
}  // namespace anemone::dashboard
