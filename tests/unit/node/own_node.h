// SPDX-License-Identifier: Apache-2.0
//
// The node of this test program: of its own name, so that tests can run side
// by side, with two small GPUs. And what the tests do with it over and over.
#pragma once

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>

#include "tools/sim/node/gpu.h"
#include "tools/sim/node/node.h"

namespace xsim::test {

inline constexpr uint32_t kGpus = 2;
inline constexpr uint64_t kVramBytes = 64ull << 20;

// A KFD call as the ioctl interposer would make it: 0 or the errno value.
template <typename Args>
int call(uint32_t number, Args& args, size_t bytes = sizeof(Args)) {
  Node* node = Node::get();
  if (!node) return ENODEV;
  const unsigned long request = _IOC(_IOC_READ | _IOC_WRITE, AMDKFD_IOCTL_BASE, number, bytes);
  errno = 0;
  return node->kfd_ioctl(request, &args) == 0 ? 0 : errno;
}

// A buffer as ROCr makes one: address space first, then the buffer, then the
// host's mapping of it.
struct TestBuffer {
  uint64_t handle = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint8_t* address = nullptr;
  int error = 0;

  uint64_t place() const { return reinterpret_cast<uintptr_t>(address); }
};

TestBuffer make_buffer(uint64_t bytes, uint32_t flags, uint32_t gpu = 0);
int map_buffer(const TestBuffer& buffer, uint32_t gpu = 0);
int unmap_buffer(const TestBuffer& buffer, uint32_t gpu = 0);
int free_buffer(TestBuffer& buffer);
// Address space that nothing stands in yet.
uint8_t* reserve(uint64_t bytes);

inline bool reachable(uint64_t address) {
  Range range;
  return Node::get()->space().lookup(address, range);
}

}  // namespace xsim::test
