// The device as programs see it, on the double.
#include "double_control.h"

namespace anemone {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class AneDevice : public WithDouble {};

TEST_F(AneDevice, Runs) {
  const Result<double> y = run_once(device(), Doubling(2));
  ASSERT_TRUE(y) << y.error().message;
  EXPECT_EQ(*y, 6);
}

}  // namespace
}  // namespace anemone
