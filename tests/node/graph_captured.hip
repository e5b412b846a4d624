// SPDX-License-Identifier: Apache-2.0
//
// Description: a graph captured from two streams (fork and join) with kernels,
// a copy and a memset, launched several times.
#include "check.h"

__global__ void add(int* values, int n, int amount) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] += amount;
}

int main() {
  constexpr int n = 1024, launches = 5;
  check::Stream main_stream, side_stream;
  check::Event fork, join;
  check::DeviceArray<int> a(n), b(n);
  a.fill_bytes(0);
  b.fill_bytes(0);
  std::vector<int> copy(n, -1);
  int* pinned = nullptr;
  CHECK_HIP(hipHostMalloc(reinterpret_cast<void**>(&pinned), n * sizeof(int), 0));

  CHECK_HIP(hipStreamBeginCapture(main_stream.get(), hipStreamCaptureModeGlobal));
  add<<<4, 256, 0, main_stream.get()>>>(a.get(), n, 1);
  CHECK_HIP(hipEventRecord(fork.get(), main_stream.get()));
  CHECK_HIP(hipStreamWaitEvent(side_stream.get(), fork.get(), 0));
  CHECK_HIP(hipMemsetAsync(b.get(), 0, n * sizeof(int), side_stream.get()));
  add<<<4, 256, 0, side_stream.get()>>>(b.get(), n, 10);
  CHECK_HIP(hipEventRecord(join.get(), side_stream.get()));
  add<<<4, 256, 0, main_stream.get()>>>(a.get(), n, 2);
  CHECK_HIP(hipStreamWaitEvent(main_stream.get(), join.get(), 0));
  CHECK_HIP(
      hipMemcpyAsync(pinned, a.get(), n * sizeof(int), hipMemcpyDeviceToHost, main_stream.get()));
  hipGraph_t graph = nullptr;
  CHECK_HIP(hipStreamEndCapture(main_stream.get(), &graph));
  for (const int value : a.read()) CHECK(value == 0);  // capture runs nothing

  size_t nodes = 0;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  std::printf("nodes %zu\n", nodes);
  hipGraphExec_t executable = nullptr;
  CHECK_HIP(hipGraphInstantiate(&executable, graph, nullptr, nullptr, 0));
  for (int i = 0; i < launches; i++) CHECK_HIP(hipGraphLaunch(executable, main_stream.get()));
  main_stream.wait();
  for (int i = 0; i < n; i++) CHECK(pinned[i] == 3 * launches);
  for (const int value : a.read()) CHECK(value == 3 * launches);
  for (const int value : b.read()) CHECK(value == 10);
  CHECK_HIP(hipGraphExecDestroy(executable));
  CHECK_HIP(hipGraphDestroy(graph));
  CHECK_HIP(hipHostFree(pinned));
  return check::pass();
}
