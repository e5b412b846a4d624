// SPDX-License-Identifier: Apache-2.0
//
// What the tests of orders share: kernels whose results tell the order they
// ran in, one that holds a stream up, and return codes on stdout.
#pragma once

#include "check.h"

namespace check {

constexpr unsigned kCount = 1024;
constexpr size_t kBytes = kCount * sizeof(unsigned);

// Not commutative: a kernel too early, too late or left out shows.
__global__ void step(unsigned* values, unsigned term) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  values[i] = values[i] * 1664525u + term + i;
}

// The same on the host.
inline void step_on_host(std::vector<unsigned>& values, unsigned term) {
  for (unsigned i = 0; i < values.size(); i++) values[i] = values[i] * 1664525u + term + i;
}

class Expected {
 public:
  explicit Expected(unsigned value) : values_(kCount, value) {}
  void step(unsigned term) { step_on_host(values_, term); }
  const std::vector<unsigned>& values() const { return values_; }
  unsigned last() const { return values_.back(); }

 private:
  std::vector<unsigned> values_;
};

inline void launch_step(unsigned* values, unsigned term, hipStream_t stream) {
  step<<<kCount / 256, 256, 0, stream>>>(values, term);
  CHECK_HIP(hipGetLastError());
}

// A node's or a launch's parameters; it keeps what they point to.
class StepParams {
 public:
  StepParams(unsigned* values, unsigned term) : values_(values), term_(term) {
    node_.func = reinterpret_cast<void*>(step);
    node_.gridDim = dim3(kCount / 256);
    node_.blockDim = dim3(256);
    node_.kernelParams = arguments_;
  }
  StepParams(const StepParams&) = delete;
  StepParams& operator=(const StepParams&) = delete;
  const hipKernelNodeParams* get() const { return &node_; }

 private:
  unsigned* values_;
  unsigned term_;
  void* arguments_[2] = {&values_, &term_};
  hipKernelNodeParams node_ = {};
};

inline hipGraphNode_t add_step(hipGraph_t graph, const std::vector<hipGraphNode_t>& after,
                               unsigned* values, unsigned term) {
  const StepParams params(values, term);
  hipGraphNode_t node = nullptr;
  CHECK_HIP(hipGraphAddKernelNode(&node, graph, after.data(), after.size(), params.get()));
  return node;
}

// Until the host stores 1.
__global__ void wait_for(const int* flag) {
  while (__hip_atomic_load(flag, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM) == 0)
    __builtin_amdgcn_s_sleep(8);
}

// What HIP answers is compared with what it answers natively.
inline void report(const char* what, hipError_t code) {
  std::printf("%s: %s\n", what, hipGetErrorName(code));
  (void)hipGetLastError();
}

}  // namespace check
