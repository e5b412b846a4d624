// SPDX-License-Identifier: Apache-2.0
//
// Description: graphs with memory of their own: an allocation node and a free
// node around kernels; hipMallocAsync and hipFreeAsync inside a capture; memory
// that a graph takes and its program frees; what is in use between launches.
#include "steps.h"

__global__ void copy_twice(unsigned* to, const unsigned* from) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  to[i] = 2 * from[i];
}

static hipMemAllocNodeParams pinned_on_device() {
  hipMemAllocNodeParams params = {};
  params.poolProps.allocType = hipMemAllocationTypePinned;
  params.poolProps.location.type = hipMemLocationTypeDevice;
  params.poolProps.location.id = 0;
  params.bytesize = check::kBytes;
  return params;
}

static void show_used(const char* when) {
  uint64_t used = 0;
  CHECK_HIP(hipDeviceGetGraphMemAttribute(0, hipGraphMemAttrUsedMemCurrent, &used));
  std::printf("%s: %s\n", when, used ? "memory in use" : "no memory in use");
}

static void explicit_nodes(hipStream_t stream) {
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 3));
  check::Expected expected(3);
  hipGraph_t graph = nullptr;
  CHECK_HIP(hipGraphCreate(&graph, 0));
  hipMemAllocNodeParams memory = pinned_on_device();
  hipGraphNode_t take, node, give;
  CHECK_HIP(hipGraphAddMemAllocNode(&take, graph, nullptr, 0, &memory));
  CHECK(memory.dptr != nullptr);
  auto* const scratch = static_cast<unsigned*>(memory.dptr);
  node = check::add_step(graph, {take}, values.get(), 1);
  CHECK_HIP(hipGraphAddMemcpyNode1D(&node, graph, &node, 1, scratch, values.get(), check::kBytes,
                                    hipMemcpyDeviceToDevice));
  node = check::add_step(graph, {node}, scratch, 2);
  CHECK_HIP(hipGraphAddMemcpyNode1D(&node, graph, &node, 1, values.get(), scratch, check::kBytes,
                                    hipMemcpyDeviceToDevice));
  CHECK_HIP(hipGraphAddMemFreeNode(&give, graph, &node, 1, scratch));
  void* freed = nullptr;
  CHECK_HIP(hipGraphMemFreeNodeGetParams(give, &freed));
  CHECK(freed == scratch);
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
  for (unsigned round = 0; round < 5; round++) {
    CHECK_HIP(hipGraphLaunch(exec, stream));
    expected.step(1);
    expected.step(2);
  }
  CHECK_HIP(hipStreamSynchronize(stream));
  CHECK(values.read() == expected.values());
  show_used("after the launches");
  CHECK_HIP(hipGraphExecDestroy(exec));
  CHECK_HIP(hipGraphDestroy(graph));
  std::printf("explicit %u\n", expected.last());
}

static void captured(hipStream_t stream) {
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 5));
  check::Expected expected(5);
  unsigned* scratch = nullptr;
  CHECK_HIP(hipStreamBeginCapture(stream, hipStreamCaptureModeGlobal));
  CHECK_HIP(hipMallocAsync(reinterpret_cast<void**>(&scratch), check::kBytes, stream));
  CHECK_HIP(hipMemcpyAsync(scratch, values.get(), check::kBytes, hipMemcpyDeviceToDevice, stream));
  check::launch_step(scratch, 9, stream);
  CHECK_HIP(hipMemcpyAsync(values.get(), scratch, check::kBytes, hipMemcpyDeviceToDevice, stream));
  CHECK_HIP(hipFreeAsync(scratch, stream));
  hipGraph_t graph = nullptr;
  CHECK_HIP(hipStreamEndCapture(stream, &graph));
  size_t nodes = 0;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
  for (unsigned round = 0; round < 5; round++) {
    CHECK_HIP(hipGraphLaunch(exec, stream));
    expected.step(9);
  }
  CHECK_HIP(hipStreamSynchronize(stream));
  CHECK(values.read() == expected.values());
  CHECK_HIP(hipGraphExecDestroy(exec));
  CHECK_HIP(hipGraphDestroy(graph));
  std::printf("captured %u, %zu nodes\n", expected.last(), nodes);
}

// The next launch frees it if the program did not and `frees`.
static void outlives_its_launch(hipStream_t stream, bool frees) {
  hipGraph_t graph = nullptr;
  CHECK_HIP(hipGraphCreate(&graph, 0));
  hipMemAllocNodeParams memory = pinned_on_device();
  hipGraphNode_t take, set;
  CHECK_HIP(hipGraphAddMemAllocNode(&take, graph, nullptr, 0, &memory));
  hipMemsetParams clear = {};
  clear.dst = memory.dptr;
  clear.elementSize = 4;
  clear.value = 11;
  clear.width = check::kCount;
  clear.height = 1;
  CHECK_HIP(hipGraphAddMemsetNode(&set, graph, &take, 1, &clear));
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiateWithFlags(&exec, graph,
                                         frees ? hipGraphInstantiateFlagAutoFreeOnLaunch : 0));
  check::DeviceArray<unsigned> result(check::kCount);
  CHECK_HIP(hipGraphLaunch(exec, stream));
  check::report("launched again before it is freed", hipGraphLaunch(exec, stream));
  auto* const values = static_cast<unsigned*>(memory.dptr);
  check::launch_step(values, 4, stream);
  copy_twice<<<check::kCount / 256, 256, 0, stream>>>(result.get(), values);
  CHECK_HIP(hipGetLastError());
  CHECK_HIP(hipFreeAsync(values, stream));
  CHECK_HIP(hipStreamSynchronize(stream));
  check::Expected expected(11);
  expected.step(4);
  const std::vector<unsigned> got = result.read();
  for (unsigned i = 0; i < check::kCount; i++) CHECK(got[i] == 2 * expected.values()[i]);
  CHECK_HIP(hipGraphExecDestroy(exec));
  CHECK_HIP(hipGraphDestroy(graph));
  std::printf("outlives %u\n", got.back());
}

int main() {
  check::Stream stream(hipStreamNonBlocking);
  explicit_nodes(stream.get());
  captured(stream.get());
  for (const bool frees : {false, true}) outlives_its_launch(stream.get(), frees);
  CHECK_HIP(hipDeviceGraphMemTrim(0));
  show_used("after the trim");
  return check::pass();
}
