#include "device/ane/objc.h"

#include <gtest/gtest.h>

namespace anemone::ane {
namespace {

TEST(PlainEncoding, MakesAlikeWhatIsCalledAlike) {
  EXPECT_EQ(plain_encoding("B44@0:8I16@20@28^@36"), "B@@I@@@");   // Apple's on arm64
  EXPECT_EQ(plain_encoding("C44@0:8I16@20@28^@36"), "B@@I@@@");   // GNU's
  EXPECT_EQ(plain_encoding("c44@0:8i16@20@28^@36"), "B@@I@@@");   // Apple's on x86-64
  EXPECT_EQ(plain_encoding("@24@0:8^{__IOSurface=}16"), "@@@@");  // a pointer to a struct
  EXPECT_EQ(plain_encoding("@24@0:8@\"NSArray<NSData>\"16"), "@@@@");
  EXPECT_EQ(plain_encoding("Vv16@0:8"), "v@@");      // oneway void
  EXPECT_EQ(plain_encoding("r*16@0:8"), "@@@");      // const char*
  EXPECT_EQ(plain_encoding("Q24@0:8@?16"), "Q@@@");  // a block
  EXPECT_EQ(plain_encoding("v48@0:8{CGRect={CGPoint=dd}{CGSize=dd}}16"), "v@@{");
  EXPECT_EQ(plain_encoding(""), "");
}

TEST(PlainEncoding, EndsWhateverItIsGiven) {
  for (const char* text : {"^", "^^^^", "{", "{{}", "@\"", "@\"x", "[8", "rrr", "1234", "("}) plain_encoding(text);
}

}  // namespace
}  // namespace anemone::ane
