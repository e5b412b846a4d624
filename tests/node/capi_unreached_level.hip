// SPDX-License-Identifier: Apache-2.0
//
// Description: with XSCHED_ENGINE=gate a level 3 is refused, and what was stays.
#include "capi_check.h"

int main() {
  hipStream_t stream;
  CHECK_HIP(hipStreamCreate(&stream));
  HwQueueHandle hwq = 0;
  XQueueHandle xq = 0;
  CHECK_XS(HipQueueCreate(&hwq, stream));
  CHECK_RESULT(XQueueCreate(&xq, hwq, kPreemptLevelInterrupt, 0), kXSchedErrorNotSupported);
  CHECK_RESULT(XQueueGet(&xq, hwq), kXSchedErrorNotFound);
  CHECK_XS(XQueueCreate(&xq, hwq, kPreemptLevelDeactivate, 0));
  CHECK_RESULT(XQueueSetPreemptLevel(xq, kPreemptLevelInterrupt), kXSchedErrorNotSupported);
  CHECK(check::xqueues().at(0).level_wanted == 2 && check::xqueues().at(0).level_actual == 2);
  return check::pass();
}
