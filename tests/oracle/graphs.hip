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
  launch_graph(graph, s, 1 + op.order % 3, hipGraphLaunch);
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
  launch_graph(graph, s, 1 + op.order % 2, hipGraphLaunch);
}

// Instantiates, launches, waits; `graph` is destroyed.
void Executor::launch_graph(hipGraph_t graph, int s, uint32_t times, const GraphLaunch& launch) {
  if (graph == nullptr) return;
  hipGraphExec_t exec = nullptr;
  check(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0), "instantiate");
  check(hipGraphDestroy(graph), "destroy graph");
  if (exec == nullptr) return;
  for (uint32_t i = 0; i < times; ++i) check(launch(exec, stream(s)), "launch");
  check(hipStreamSynchronize(stream(s)), "wait for stream");
  waited_for(s);
  graphs_.push_back(exec);
}

// A capture that goes through a second stream and comes back.
void Executor::forked_capture(const Op& op, int s) {
  const int t = pick_stream(op.b);
  if (!created(s) || !created(t) || s == t || device_of(s) != device_of(t)) return;
  Resource& a = buffer(op.a);
  Resource& b = other_buffer(op.b >> 8, a);
  use({&a, &b}, s, op.order);
  hipEvent_t fork = nullptr, join = nullptr;
  check(hipEventCreateWithFlags(&fork, hipEventDisableTiming), "create event");
  check(hipEventCreateWithFlags(&join, hipEventDisableTiming), "create event");
  check(hipStreamBeginCapture(stream(s), hipStreamCaptureModeRelaxed), "begin capture");
  reverse<<<kGroups, kThreads, 0, stream(s)>>>(a.data);
  check(hipEventRecord(fork, stream(s)), "record");
  check(hipStreamWaitEvent(stream(t), fork, 0), "stream waits for event");
  for (uint32_t i = 0; i < 1 + op.value % 4; ++i) {
    affine<<<kGroups, kThreads, 0, stream(s)>>>(a.data, op.value, i);
    affine<<<kGroups, kThreads, 0, stream(t)>>>(b.data, op.value, i + 5);
  }
  check(hipEventRecord(join, stream(t)), "record");
  check(hipStreamWaitEvent(stream(s), join, 0), "stream waits for event");
  mix<<<kGroups, kThreads, 0, stream(s)>>>(a.data, b.data);
  check(hipGetLastError(), "launches");
  hipGraph_t graph = nullptr;
  check(hipStreamEndCapture(stream(s), &graph), "end capture");
  check(hipEventDestroy(fork), "destroy event");
  check(hipEventDestroy(join), "destroy event");
  launch_graph(graph, s, 1 + op.order % 2, hipGraphLaunch);
}

// Twenty to a hundred nodes in two chains, one a buffer, that cross where a
// node uses both. Not wider: HIP 6.4.3 crashes natively in hipGraphLaunch()
// of one in a thousand graphs of six.
void Executor::long_graph(const Op& op, int s) {
  Resource* const both[] = {&buffer(op.a), &other_buffer(op.value, buffer(op.a))};
  use({both[0], both[1], &cells_[0]}, s, op.order);
  hipGraph_t graph = nullptr;
  check(hipGraphCreate(&graph, 0), "create graph");
  hipGraphNode_t last[2] = {}, last_call = nullptr;
  uint32_t bits = op.value | 1;
  for (uint32_t i = 0; i < 20 + op.b % 80; ++i) {
    bits = bits * 1664525 + 1013904223;
    const uint32_t n = bits >> 8 & 1, m = 1 - n;
    uint32_t *a = both[n]->data, *b = both[m]->data;
    hipGraphNode_t before[2], node = nullptr;
    size_t count = 0;
    const auto after = [&](hipGraphNode_t previous) {
      if (previous == nullptr || (count == 1 && before[0] == previous)) return;
      before[count++] = previous;
    };
    const uint32_t kind = (bits >> 24) % 8;
    after(last[n]);
    if (kind == 7) {
      after(last_call);
      hipHostNodeParams call{run_host_call, host_call(0, bits)};
      check(hipGraphAddHostNode(&node, graph, before, count, &call), "host node");
      last[n] = last_call = node;
      continue;
    }
    if (kind == 6) {
      hipMemsetParams set{};
      set.dst = a + 4;
      set.elementSize = 4;
      set.height = 1;
      set.value = bits;
      set.width = 100;
      check(hipGraphAddMemsetNode(&node, graph, before, count, &set), "set node");
    } else if (kind == 5) {
      after(last[m]);
      check(hipGraphAddMemcpyNode1D(&node, graph, before, count, a + 9, b, 512,
                                    hipMemcpyDeviceToDevice),
            "copy node");
      last[m] = node;
    } else {
      uint32_t factor = bits, term = i;
      void* one[] = {&a, &factor, &term};
      void* two[] = {&a, &b};
      hipKernelNodeParams kernel{};
      kernel.func = kind == 4   ? reinterpret_cast<void*>(mix)
                    : kind == 3 ? reinterpret_cast<void*>(reverse)
                                : reinterpret_cast<void*>(affine);
      kernel.gridDim = dim3(kGroups);
      kernel.blockDim = dim3(kThreads);
      kernel.kernelParams = kind == 4 ? two : one;
      if (kind == 4) after(last[m]);
      check(hipGraphAddKernelNode(&node, graph, before, count, &kernel), "kernel node");
      if (kind == 4) last[m] = node;
    }
    last[n] = node;
  }
  launch_graph(graph, s, 1 + op.order % 2, hipGraphLaunch);
}

}  // namespace oracle
