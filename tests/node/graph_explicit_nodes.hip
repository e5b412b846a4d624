// SPDX-License-Identifier: Apache-2.0
//
// Description: a graph built node by node (memset, two kernels in a diamond,
// host function, copy), launched, changed with
// hipGraphExecKernelNodeSetParams, launched again.
#include "check.h"

__global__ void add(int* values, int n, int amount) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) atomicAdd(&values[i], amount);
}

static void count_call(void* counter) {
  ++*static_cast<int*>(counter);
}

int main() {
  int n = 512;
  check::DeviceArray<int> values(n);
  int* data = values.get();
  std::vector<int> result(n);
  int calls = 0;
  check::Stream stream;

  hipGraph_t graph = nullptr;
  CHECK_HIP(hipGraphCreate(&graph, 0));
  hipMemsetParams clear = {};
  clear.dst = data;
  clear.elementSize = 4;
  clear.width = n;
  clear.height = 1;
  hipGraphNode_t clear_node, left, right, host_node, copy_node;
  CHECK_HIP(hipGraphAddMemsetNode(&clear_node, graph, nullptr, 0, &clear));

  int amount = 3;
  void* arguments[] = {&data, &n, &amount};
  hipKernelNodeParams kernel = {};
  kernel.func = reinterpret_cast<void*>(add);
  kernel.gridDim = dim3(2);
  kernel.blockDim = dim3(256);
  kernel.kernelParams = arguments;
  CHECK_HIP(hipGraphAddKernelNode(&left, graph, &clear_node, 1, &kernel));
  amount = 40;  // the node keeps the values, not the pointers
  CHECK_HIP(hipGraphAddKernelNode(&right, graph, &clear_node, 1, &kernel));

  hipHostNodeParams host = {};
  host.fn = count_call;
  host.userData = &calls;
  const hipGraphNode_t both[] = {left, right};
  CHECK_HIP(hipGraphAddHostNode(&host_node, graph, both, 2, &host));
  CHECK_HIP(hipGraphAddMemcpyNode1D(&copy_node, graph, &host_node, 1, result.data(), data,
                                    n * sizeof(int), hipMemcpyDeviceToHost));

  hipGraphExec_t executable = nullptr;
  CHECK_HIP(hipGraphInstantiate(&executable, graph, nullptr, nullptr, 0));
  for (int i = 0; i < 3; i++) CHECK_HIP(hipGraphLaunch(executable, stream.get()));
  stream.wait();
  for (const int value : result) CHECK(value == 43);
  CHECK(calls == 3);

  amount = 500;
  CHECK_HIP(hipGraphExecKernelNodeSetParams(executable, right, &kernel));
  CHECK_HIP(hipGraphLaunch(executable, stream.get()));
  stream.wait();
  for (const int value : result) CHECK(value == 503);
  CHECK(calls == 4);
  std::printf("values %d calls %d\n", result[0], calls);
  CHECK_HIP(hipGraphExecDestroy(executable));
  CHECK_HIP(hipGraphDestroy(graph));
  return check::pass();
}
