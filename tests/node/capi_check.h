// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the XSched C API share, beside check.h.
#pragma once

#include <chrono>
#include <thread>

#include "check.h"
#include "xsched/hip/hal.h"
#include "xsched/runtime.h"
#include "xsched/xsched.h"

namespace check {

inline void expect_result(const char* file, int line, const char* what, XResult got, XResult want) {
  if (got == want) return;
  char why[64];
  std::snprintf(why, sizeof why, "gave %d, not %d", static_cast<int>(got), static_cast<int>(want));
  fail(file, line, what, why);
}

// A state that another thread or the GPU reaches; not how long it takes.
template <typename Condition>
void wait_until(const char* what, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(40);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) fail(__FILE__, __LINE__, what, "never came");
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

inline std::vector<xsched_xqueue> xqueues() {
  std::vector<xsched_xqueue> all(256);
  const int count = xsched_list(all.data(), all.size(), sizeof(xsched_xqueue));
  CHECK(count >= 0 && count <= 256);
  all.resize(static_cast<size_t>(count));
  return all;
}

}  // namespace check

#define CHECK_RESULT(call, want) check::expect_result(__FILE__, __LINE__, #call, (call), (want))
#define CHECK_XS(call) CHECK_RESULT(call, kXSchedSuccess)
