#include "dashboard/session.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/temporary_folder.h"

namespace anemone::dashboard {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

// A program in the place of ours: what it does as trainer, and as generator. $LOG is the log.
class SessionTest : public testing::Test {
 protected:
  void program(const std::string& train, const std::string& generate = "echo Once") const {
    std::ofstream(program_)
        << "#!/bin/sh\n"
           "for LOG; do :; done\n"
           "run() { echo \"{\\\"type\\\":\\\"run\\\",\\\"pid\\\":$$,\\\"steps\\\":9,"
           "\\\"checkpoint\\\":\\\"/x/run.safetensors\\\"}\" >> $LOG; }\n"
           "saved() { echo \"{\\\"type\\\":\\\"checkpoint\\\",\\\"step\\\":$1,\\\"time\\\":$1}\" >> "
           "$LOG; }\n"
        << "if [ $1 = train ]; then\n"
        << train << "\nelse\n"
        << generate << "\nfi\n";
    fs::permissions(program_, fs::perms::owner_all);
  }
  std::unique_ptr<Session> start(bool previews = false) const {
    SessionOptions options{.log = log_, .trainer = {"first"}, .resumption = {"again"}, .program = program_};
    options.previews = previews;
    return Session::start(std::move(options)).value();
  }
  // Polls until it is so, for at most 20 s.
  static bool becomes(Session& session, const std::function<bool()>& condition) {
    for (int i = 0; i < 2000; ++i) {
      session.poll();
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  static bool ends(Session& session) {
    return becomes(session, [&] { return session.over(); });
  }

  TemporaryFolder folder_ = TemporaryFolder::create().value();
  std::string program_ = folder_.path() + "/program", log_ = folder_.path() + "/log.jsonl";
};

TEST_F(SessionTest, QuotesTheLastWordsOfATrainerThatDies) {
  program("run; echo one; echo two >&2; echo 'half a line' | tr -d '\\n'; kill -SEGV $$");
  const auto session = start();
  ASSERT_TRUE(ends(*session));
  EXPECT_EQ(session->status(), Status::died);
  EXPECT_THAT(session->run().error(), HasSubstr("signal 11"));
  EXPECT_THAT(session->run().error(), HasSubstr("one / two / half a line"));
}

TEST_F(SessionTest, ReportsATrainerThatNeverBegan) {
  program("echo 'anemone: there is no such data' >&2; exit 1");
  const auto session = start();
  ASSERT_TRUE(ends(*session));
  EXPECT_THAT(session->run().error(), HasSubstr("exit status 1"));
  EXPECT_THAT(session->run().error(), HasSubstr("there is no such data"));
  EXPECT_EQ(session->lines()[0].kind, LogLine::Kind::error);
}

// A program that is not there, and none at all.
TEST_F(SessionTest, FailsWhereThereIsNothingToRun) {
  const auto session = Session::start({.log = log_, .program = folder_.path() + "/nothing"});
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().message, HasSubstr("cannot run"));
  const auto attached = Session::attach({.log = log_});
  ASSERT_FALSE(attached);
  EXPECT_THAT(attached.error().message, HasSubstr("cannot read"));
}

TEST_F(SessionTest, StopsAndRestarts) {
  program(
      "echo $2; trap 'echo \"{\\\"type\\\":\\\"end\\\",\\\"reason\\\":\\\"stopped\\\",\\\"step\\\":3}\" >> $LOG; exit "
      "0' "
      "INT; run; while :; do sleep 0.05; done");
  const auto session = start();
  ASSERT_TRUE(becomes(*session, [&] { return session->status() == Status::running; }));
  const int64_t first = session->run().description()->pid;
  ASSERT_TRUE(session->ask(Command::restart));
  EXPECT_NE(session->pending(), "");
  ASSERT_TRUE(becomes(
      *session, [&] { return session->status() == Status::running && session->run().description()->pid != first; }));
  EXPECT_EQ(session->lines().front().text, "first");
  EXPECT_EQ(session->lines().back().text, "again");
  EXPECT_EQ(session->pending(), "");
  ASSERT_TRUE(session->ask(Command::stop));
  ASSERT_TRUE(ends(*session));
  EXPECT_EQ(session->status(), Status::stopped);
  EXPECT_THAT(session->refusal(Command::save), HasSubstr("no trainer"));
}

TEST_F(SessionTest, TakesNoCommandsThatWouldHarmATrainerThatHasNotBegun) {
  program("exec sleep 30");
  const auto session = start();
  for (const Command command : {Command::save, Command::pause, Command::go_on}) {
    EXPECT_THAT(session->refusal(command), HasSubstr("not begun")) << static_cast<int>(command);
  }
  ASSERT_TRUE(session->ask(Command::stop));
  EXPECT_TRUE(ends(*session));
}

TEST_F(SessionTest, PreviewsEachCheckpoint) {
  program("run; saved 5; exec sleep 30", "echo \"$*\" | sed 's/ --steps.*//'; printf 'caf\\303'");
  const auto session = start(true);
  ASSERT_TRUE(becomes(*session, [&] { return !session->preview().text().empty(); }));
  EXPECT_EQ(session->preview().text(), "generate --model /x/run.safetensors\ncaf\uFFFD");
  EXPECT_EQ(session->preview().step(), 5);
  EXPECT_THAT(session->preview().error(), IsEmpty());
  ASSERT_TRUE(session->ask(Command::stop));
  EXPECT_TRUE(ends(*session));
}

TEST_F(SessionTest, SaysWhyAPreviewFails) {
  program("run; saved 5; exec sleep 30", "echo told; echo 'anemone: run.safetensors is damaged' >&2; exit 1");
  const auto session = start();
  ASSERT_TRUE(becomes(*session, [&] { return !session->run().checkpoints().empty(); }));
  EXPECT_FALSE(session->preview().generating());  // not by itself
  ASSERT_TRUE(session->ask(Command::generate));
  ASSERT_TRUE(becomes(*session, [&] { return !session->preview().error().empty(); }));
  EXPECT_EQ(session->preview().error(), "run.safetensors is damaged");
  EXPECT_FALSE(session->preview().generating());
  ASSERT_TRUE(session->ask(Command::stop));
  EXPECT_TRUE(ends(*session));
}

TEST_F(SessionTest, KeepsABoundedNumberOfLines) {
  program("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done");
  const auto session = start();
  ASSERT_TRUE(ends(*session));
  EXPECT_EQ(session->lines().size(), Session::kMostLines);
  EXPECT_EQ(session->lines_total(), 3000);
  EXPECT_EQ(session->lines().back().text, "line 2999");
}

}  // namespace
}  // namespace anemone::dashboard
