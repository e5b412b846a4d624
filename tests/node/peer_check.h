// SPDX-License-Identifier: Apache-2.0
//
// What the tests with two GPUs (peer_*) share. The drivers give them a node
// with two (harness.machine_of).
#pragma once

#include <memory>

#include "check.h"

namespace check {

inline void need_two_gpus() {
  int count = 0;
  CHECK_HIP(hipGetDeviceCount(&count));
  if (count < 2) skip("one GPU, two are needed");
}

// The calling thread's device, back to what it was at the end.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    CHECK_HIP(hipGetDevice(&before_));
    CHECK_HIP(hipSetDevice(device));
  }
  ~OnDevice() { (void)hipSetDevice(before_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

// A T made while `device` is the thread's device.
template <class T, class... Arguments>
std::unique_ptr<T> made_on(int device, Arguments&&... arguments) {
  const OnDevice on(device);
  return std::make_unique<T>(std::forward<Arguments>(arguments)...);
}

inline void peers_reach_each_other() {
  for (int device = 0; device < 2; device++) {
    const OnDevice on(device);
    CHECK_HIP(hipDeviceEnablePeerAccess(1 - device, 0));
  }
}

}  // namespace check
