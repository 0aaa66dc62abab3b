#include "dashboard/terminal/panels.h"

#include <gmock/gmock.h>

#include <array>
#include <fstream>
#include <regex>
#include <sstream>

#include "base/temporary_folder.h"

namespace anemone::dashboard {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A finished run of 40 steps whose loss falls from 4 to 2, by a device with a modelled clock.
std::string finished_run() {
  std::string log =
      R"({"type":"run","model":"tiny","device":"sim:m4","dim":128,"hidden":384,"heads":4,"kv_heads":2,"seq":256,)"
      R"("vocab":1024,"layers":3,"parameters":721792,"kernels":"18","batch":4,"accumulation":1,"optimizer":"AdamW",)"
      R"("lr":0.004,"schedule":"cosine","precision":"fp16","weights":"baked","steps":40,"first_step":0,)"
      R"("device_flops":1e9,"flops":2e9,"device_peak_flops":1e12})"
      "\n";
  for (int i = 0; i < 40; ++i) {
    log += fmt::format(
        R"({{"type":"step","step":{},"loss":{},"lr":0.001,"ms":20,"tokens":1024,"t_ane":10,"t_cls":5,"t_dw":4,)"
        R"("device_ms":2,"device_ms_modelled":true}})"
        "\n",
        i, 4 - 2.0 * i / 39);
  }
  return log +
         R"({"type":"checkpoint","step":40,"path":"runs/\u001b[2Jtiny.safetensors","validation_loss":2.125,"best":true})"
         "\n"
         R"({"type":"end","reason":"finished","step":40})"
         "\n";
}

class Panels : public testing::Test {
 protected:
  std::string shown(int rows, int columns, const ViewState& view = {}, const std::string& log = finished_run()) {
    const std::string path = folder_.path() + "/log.jsonl";
    std::ofstream(path) << log;
    SessionOptions options{.log = path};
    options.power = options.previews = false;
    const auto session = Session::attach(std::move(options)).value();
    Screen screen(rows, columns);
    draw(screen, *session, view);
    return screen.text();
  }
  TemporaryFolder folder_ = TemporaryFolder::create().value();
};

// What all screens of 80 by 24 have in common: all but the curve, six rows of 32 columns, and the bar with its legend.
std::string screen_of(const std::array<const char*, 6>& curve, const char* bar, const char* legend) {
  return fmt::format(R"(anemone  tiny on sim:m4  finished
dim=128 hidden=384 heads=4/2 seq=256 vocab=1024 layers=3  0.72M parameters
kernels 18  batch 4 accum 1  AdamW lr=4.0e-03 cosine  fp16 weights baked
── loss ────────────────────────────────  ── training ──────────────────────────
  4.100 {:<32}  step    40 of 40
        {:<32}  loss    2.0000  smoothed 2.8426
        {:<32}  best    2.0000 at step 39
  2.780 {:<32}  valid.  2.1250 at step 40
        {:<32}  speed   20.0 ms/step  50.0 steps/s
  1.900 {:<32}          51200 tokens/s
step 0                                39  device  2.0 ms/step (modelled)
── where a step goes, ms ──────────────  ── the trainer ────────────────────────
{:<39}  CPU     -
{:<39}  memory  -
dw 4.0, on a queue of its own            power not available: it was not asked
                                         for
── the model's words ──────────────────  ── log ────────────────────────────────
press g to let the newest checkpoint     step 36    loss=2.1538  lr=1.00e-03  20
speak                                    step 37    loss=2.1026  lr=1.00e-03  20
                                         step 38    loss=2.0513  lr=1.00e-03  20
                                         step 39    loss=2.0000  lr=1.00e-03  20
                                         checkpoint at step 40: runs/ [2Jtiny.sa
                                         finished after 40 steps
q quit  h help  space pause  s save  g generate  r restart  p follow
)",
                     curve[0], curve[1], curve[2], curve[3], curve[4], curve[5], bar, legend);
}

TEST_F(Panels, At80By24) {
  EXPECT_EQ(shown(24, 80), screen_of({"⠂⠶⢐⡂⠂⠦⠠⠠⠄⣄⢀⢀⡀",                     //
                                      "    ⠁⠑⠐⠠⠄⣀  ⠁⠉⠘⠐⠂⠆⠤⢠⡀⡀⡀",           //
                                      "          ⠈⠐⠂⠤⢀⢀      ⠉⠘⠂⠆⠤⢠⢀⡀",    //
                                      "                ⠁⠁⠒⠠⠄⡀       ⠁⠙⠐",  //
                                      "                      ⠉⠐⠂⠄⢄⢀",      //
                                      "                            ⠈⠁⠒⠠"},
                                     "█████████████████████████████", "█ sim:m4 10.0  █ cls 5.0"));
}

TEST_F(Panels, InAscii) {
  ViewState view;
  view.unicode = view.colour = false;
  const std::string expected = screen_of({"*************",                     //
                                          "    ......  ***********",           //
                                          "          ......      ********",    //
                                          "                ......       ***",  //
                                          "                      ......",      //
                                          "                            ...."},
                                         "AAAAAAAAAAAAAAAAAAAABBBBBBBBB", "A sim:m4 10.0  B cls 5.0");
  EXPECT_EQ(shown(24, 80, view), std::regex_replace(expected, std::regex("─"), "-"));
}

TEST_F(Panels, At40By15) {
  EXPECT_EQ(shown(15, 40), R"(finished  step 40/40  loss 2.0000
tiny on sim:m4  0.72M parameters
  4.100 ⠂⠒⠰⠆⠆⣒⢐⠐⠆⠤⠠⠠⠄⣄⢀⢀⡀⡀
               ⠈⠁⠒⠐⠠⠄⢄⢀⢀ ⠁⠉⠈⠃⠂⠒⠰⠄⠄⣄⢀⢀⡀
  2.633                 ⠁⠁⠑⠐⠂⠄⠤⢀⡀    ⠁⠉⠘
  1.900                          ⠁⠉⠐⠐⠂⠤⠠
step 0                                39
loss    2.0000  smoothed 2.8426
best    2.0000 at step 39
valid.  2.1250 at step 40
── log ─────────────────────────────────
step 39    loss=2.0000  lr=1.00e-03  20.
checkpoint at step 40: runs/ [2Jtiny.saf
finished after 40 steps
q quit  h help  space pause  s save
)");
}

// However long the names and large the numbers are.
TEST_F(Panels, StatusStepAndLossAreReadableAtTheLeastWidth) {
  std::string log = R"({"type":"run","model":"a-model-with-a-rather-long-name","device":"sim:m4-max:macos15",)"
                    R"("steps":999999999})"
                    "\n";
  log += R"({"type":"step","step":123456788,"loss":10.4321,"lr":1e-3,"ms":20,"tokens":64})"
         "\n"
         R"({"type":"pause","step":123456788,"paused":true})"
         "\n";
  const std::string text = shown(15, 40, {}, log);
  EXPECT_THAT(text, StartsWith("paused  step 123456789/999999999\n"));
  EXPECT_THAT(text, HasSubstr("\nloss    10.4321  smoothed"));
  EXPECT_THAT(shown(24, 80, {}, log), HasSubstr("sim:m4-max:macos15  paused\n"));
}

// It is of use only as a whole.
TEST_F(Panels, TellsThePagesAddress) {
  const std::string address = "http://127.0.0.1:7717/#token=0123456789abcdef0123456789abcdef";
  EXPECT_THAT(shown(24, 80, {.page = address}), HasSubstr(fmt::format("weights baked\n{}\n── loss", address)));
  const std::string narrow = shown(15, 40, {.page = address});
  EXPECT_THAT(narrow, HasSubstr(fmt::format("parameters\n{}\n{}\n", address.substr(0, 40), address.substr(40))));
  EXPECT_THAT(narrow, HasSubstr("finished after 40 steps\nq quit"));
}

TEST_F(Panels, NamesOneOfSeveral) {
  EXPECT_THAT(shown(24, 80, {.which = "2/3"}), StartsWith("anemone 2/3  tiny on sim:m4  finished\n"));
  EXPECT_THAT(shown(24, 80, {.which = "2/3"}), HasSubstr("h help  tab next run  space"));
  EXPECT_THAT(shown(15, 40, {.which = "2/3"}), HasSubstr("\n2/3  tiny on sim:m4"));
}

TEST_F(Panels, SaysThatItIsTooSmall) {
  EXPECT_EQ(shown(3, 34), "34x3 is too small: make it 40x15\nfinished  step 40/40  loss 2.0000\n\n");
  EXPECT_EQ(shown(1, 5), "5x1 i\n");
}

TEST_F(Panels, FitsAnySize) {
  for (int rows = 1; rows < 60; rows += 4) {
    for (int columns = 1; columns < 200; columns += 13) {
      std::istringstream lines(shown(rows, columns));
      int count = 0;
      for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(width_of(line), columns);
      EXPECT_EQ(count, rows);
    }
  }
}

TEST_F(Panels, HelpsAndWaits) {
  EXPECT_THAT(shown(24, 80, {.help = true}), HasSubstr("save a checkpoint after this step"));
  EXPECT_THAT(shown(15, 40, {.help = true}), HasSubstr("h, ?     this help"));
  EXPECT_THAT(shown(24, 80, {}, "\n"), HasSubstr("waiting for the trainer to begin"));
}

TEST_F(Panels, ShowsWhatFailed) {
  const std::string failed = finished_run() + R"({"type":"error","message":"the disk is \u001b]0;full"})" + "\n";
  EXPECT_THAT(shown(24, 80, {}, failed), testing::AllOf(HasSubstr("tiny on sim:m4  failed"),
                                                        HasSubstr("the disk is  ]0;full"), Not(HasSubstr("\x1B"))));
}

TEST_F(Panels, LooksBackInTheLog) {
  const std::string back = shown(24, 80, {.follow = false, .scrolled = 30});
  EXPECT_THAT(back, HasSubstr("log, 30 lines back"));
  EXPECT_THAT(back, HasSubstr("step 11 "));
  EXPECT_THAT(back, Not(HasSubstr("step 12 ")));
}

TEST(Screen, CutsAndMeasuresWideCharacters) {
  Screen screen(1, 5);
  EXPECT_EQ(screen.put(0, 0, "a猫b猫"), 4);
  EXPECT_EQ(screen.text(), "a猫b\n");
  EXPECT_EQ(width_of("e\u0301🐱"), 3);
}

TEST(Screen, WrapsBetweenWords) {
  EXPECT_EQ(wrap("one two three\nfour", 8), (std::vector<std::string>{"one two ", "three", "four"}));
  EXPECT_EQ(wrap("abcdefghij", 4), (std::vector<std::string>{"abcd", "efgh", "ij"}));
}

}  // namespace
}  // namespace anemone::dashboard
