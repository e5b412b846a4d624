// SPDX-License-Identifier: Apache-2.0
//
// Description: kernels whose arrays live in scratch memory, of two sizes so
// that ROCr has to grow the queue's scratch, then the small one again.
#include "check.h"

template <int kWords>
__global__ void through_stack(const int* order, int* out, int steps) {
  int stack[kWords];
  for (int i = 0; i < kWords; i++) stack[i] = i * 3 + static_cast<int>(threadIdx.x);
  int sum = 0;
  // The index comes from memory: the array cannot be kept in registers.
  for (int i = 0; i < steps; i++) {
    const int at = order[i] & (kWords - 1);
    sum += stack[at];
    stack[at] = sum & 1023;
  }
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

template <int kWords>
static int expected(const std::vector<int>& order, int thread, int steps) {
  int stack[kWords];
  for (int i = 0; i < kWords; i++) stack[i] = i * 3 + thread;
  int sum = 0;
  for (int i = 0; i < steps; i++) {
    const int at = order[i] & (kWords - 1);
    sum += stack[at];
    stack[at] = sum & 1023;
  }
  return sum;
}

template <int kWords>
static void run(const std::vector<int>& order, check::Digest& digest) {
  constexpr int groups = 3, threads = 128;
  const int steps = static_cast<int>(order.size());
  check::DeviceArray<int> d_order(order), out(groups * threads);
  through_stack<kWords><<<groups, threads>>>(d_order.get(), out.get(), steps);
  CHECK_HIP(hipGetLastError());
  const std::vector<int> result = out.read();
  for (int i = 0; i < groups * threads; i++)
    CHECK(result[i] == expected<kWords>(order, i % threads, steps));
  digest.add(result);
}

int main() {
  std::vector<int> order(100);
  for (size_t i = 0; i < order.size(); i++) order[i] = static_cast<int>(i * 131 % 1021);
  check::Digest digest;
  run<64>(order, digest);
  run<1024>(order, digest);
  run<64>(order, digest);
  digest.print("sums");
  return check::pass();
}
