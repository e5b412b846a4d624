// SPDX-License-Identifier: Apache-2.0
//
// See executor.h: captured and explicit graphs.
#include "executor.h"

namespace oracle {

// A few operations on one buffer and one pinned one, captured and launched
// some times in their own stream.
void Executor::capture(const Op& op, int s) {
  if (!created(s)) return;  // the null stream cannot be captured (see mistakes())
  Resource& a = buffer(op.a);
  Resource& p = pinned_[op.b % kPinned];
  Resource& cell = cells_[op.b % kCells];
  use({&a, &p, &cell}, s, op.order);
  check(hipStreamBeginCapture(stream(s), hipStreamCaptureModeRelaxed), "begin capture");
  uint32_t bits = op.value;
  for (uint32_t i = 0; i < 1 + op.value % 6; ++i, bits >>= 3) {
    switch (bits % 5) {
      case 0:
        affine<<<kGroups, kThreads, 0, stream(s)>>>(a.data, bits, i);
        break;
      case 1:
        reverse<<<kGroups, kThreads, 0, stream(s)>>>(a.data);
        break;
      case 2:
        check(hipMemcpyAsync(p.data, a.data, kWords * 2, hipMemcpyDeviceToHost, stream(s)), "copy");
        break;
      case 3:
        check(hipMemsetAsync(a.data + 8, static_cast<int>(bits & 255), 64, stream(s)), "set");
        break;
      default:
        check(hipLaunchHostFunc(stream(s), run_host_call, host_call(op.b, bits)), "host function");
    }
  }
  check(hipGetLastError(), "launches");
  hipGraph_t graph = nullptr;
  check(hipStreamEndCapture(stream(s), &graph), "end capture");
  if (graph == nullptr) return;
  hipGraphExec_t exec = nullptr;
  check(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0), "instantiate");
  check(hipGraphDestroy(graph), "destroy graph");
  if (exec == nullptr) return;
  for (uint32_t i = 0; i < 1 + op.order % 3; ++i) check(hipGraphLaunch(exec, stream(s)), "launch");
  check(hipStreamSynchronize(stream(s)), "wait for stream");
  waited_for(s);
  graphs_.push_back(exec);
}

// A diamond: two kernels on two buffers between a copy and a copy.
void Executor::explicit_graph(const Op& op, int s) {
  Resource& a = buffer(op.a);
  Resource& b = other_buffer(op.b, a);
  use({&a}, s, op.order);
  use({&a, &b}, s, op.order >> 8);
  hipGraph_t graph = nullptr;
  check(hipGraphCreate(&graph, 0), "create graph");
  hipGraphNode_t first = nullptr, left = nullptr, right = nullptr, last = nullptr;
  check(hipGraphAddMemcpyNode1D(&first, graph, nullptr, 0, b.data, a.data, 256,
                                hipMemcpyDeviceToDevice),
        "copy node");
  uint32_t factor = op.value, term = 1;
  void* left_arguments[] = {&a.data, &factor, &term};
  void* right_arguments[] = {&b.data, &factor, &term};
  hipKernelNodeParams node{};
  node.func = reinterpret_cast<void*>(affine);
  node.gridDim = dim3(kGroups);
  node.blockDim = dim3(kThreads);
  node.kernelParams = left_arguments;
  check(hipGraphAddKernelNode(&left, graph, &first, 1, &node), "kernel node");
  node.kernelParams = right_arguments;
  check(hipGraphAddKernelNode(&right, graph, &first, 1, &node), "kernel node");
  hipGraphNode_t both[] = {left, right};
  check(hipGraphAddMemcpyNode1D(&last, graph, both, 2, a.data + 100, b.data + 200, 400,
                                hipMemcpyDeviceToDevice),
        "copy node");
  hipGraphExec_t exec = nullptr;
  check(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0), "instantiate");
  if (exec != nullptr) {
    for (uint32_t i = 0; i < 1 + op.order % 2; ++i) {
      check(hipGraphLaunch(exec, stream(s)), "launch");
    }
    check(hipStreamSynchronize(stream(s)), "wait for stream");
    waited_for(s);
    graphs_.push_back(exec);
  }
  check(hipGraphDestroy(graph), "destroy graph");
}

}  // namespace oracle
