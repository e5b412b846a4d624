// SPDX-License-Identifier: Apache-2.0
//
// Description: a program that takes every call from hipGetProcAddress, as
// PyTorch and Triton do: streams, launches, copies, events, captures, pools;
// and what it gives for a name that is not there.
#include "steps.h"

constexpr unsigned kRounds = 10, kGroups = check::kCount / 256;

template <class Function>
static Function* look_up(const char* name) {
  void* found = nullptr;
  hipDriverProcAddressQueryResult status{};
  CHECK_HIP(
      hipGetProcAddress(name, &found, HIP_VERSION_MAJOR * 100 + HIP_VERSION_MINOR, 0, &status));
  if (found == nullptr) check::fail(__FILE__, __LINE__, name, "is null");
  return reinterpret_cast<Function*>(found);
}

#define LOOKED_UP(name) const auto name##_ = look_up<decltype(name)>(#name)

int main() {
  LOOKED_UP(hipStreamCreateWithPriority);
  LOOKED_UP(hipStreamSynchronize);
  LOOKED_UP(hipStreamQuery);
  LOOKED_UP(hipStreamWaitEvent);
  LOOKED_UP(hipStreamDestroy);
  LOOKED_UP(hipStreamBeginCapture);
  LOOKED_UP(hipStreamEndCapture);
  LOOKED_UP(hipGraphLaunch);
  LOOKED_UP(hipGraphExecDestroy);
  LOOKED_UP(hipGraphDestroy);
  LOOKED_UP(hipLaunchKernel);
  LOOKED_UP(hipModuleLaunchKernel);
  LOOKED_UP(hipLaunchHostFunc);
  LOOKED_UP(hipMemcpyAsync);
  LOOKED_UP(hipMemcpyDtoHAsync);
  LOOKED_UP(hipMemcpyHtoDAsync);
  LOOKED_UP(hipMemsetD32Async);
  LOOKED_UP(hipEventCreateWithFlags);
  LOOKED_UP(hipEventRecord);
  LOOKED_UP(hipEventSynchronize);
  LOOKED_UP(hipEventElapsedTime);
  LOOKED_UP(hipEventDestroy);
  LOOKED_UP(hipFreeAsync);
  LOOKED_UP(hipDeviceSynchronize);
  LOOKED_UP(hipGetFuncBySymbol);

  void* nothing = nullptr;
  hipDriverProcAddressQueryResult status{};
  std::printf("a name that is not there: %s, status %d\n",
              hipGetErrorName(hipGetProcAddress("hipNoSuchCall", &nothing, 600, 0, &status)),
              static_cast<int>(status));
  (void)hipGetLastError();

  hipStream_t streams[2] = {};
  hipEvent_t events[2] = {};
  for (int s = 0; s < 2; s++) {
    CHECK_HIP(hipStreamCreateWithPriority_(&streams[s], hipStreamNonBlocking, 0));
    CHECK_HIP(hipEventCreateWithFlags_(&events[s], 0));
  }
  unsigned* values = nullptr;
  CHECK_HIP(hipMalloc(reinterpret_cast<void**>(&values), check::kBytes));
  CHECK_HIP(hipMemsetD32Async_(values, 3, check::kCount, streams[0]));
  std::vector<unsigned> expected(check::kCount, 3), result(check::kCount);
  hipFunction_t function = nullptr;
  CHECK_HIP(hipGetFuncBySymbol_(&function, reinterpret_cast<const void*>(check::step)));
  unsigned calls = 0, term = 0;
  const auto launch = [&](hipStream_t stream, bool module) {
    void* arguments[] = {&values, &term};
    CHECK_HIP(module ? hipModuleLaunchKernel_(function, kGroups, 1, 1, 256, 1, 1, 0, stream,
                                              arguments, nullptr)
                     : hipLaunchKernel_(reinterpret_cast<const void*>(check::step), dim3(kGroups),
                                        dim3(256), arguments, 0, stream));
    check::step_on_host(expected, term++);
  };
  for (unsigned round = 0; round < kRounds; round++) {
    const hipStream_t stream = streams[round % 2];
    if (round > 0) CHECK_HIP(hipStreamWaitEvent_(stream, events[1 - round % 2], 0));
    for (int i = 0; i < 8; i++) launch(stream, i % 2);
    CHECK_HIP(hipLaunchHostFunc_(
        stream, [](void* counter) { ++*static_cast<unsigned*>(counter); }, &calls));
    CHECK_HIP(hipEventRecord_(events[round % 2], stream));
  }
  CHECK_HIP(hipEventSynchronize_(events[(kRounds - 1) % 2]));
  float ms = -1;
  CHECK_HIP(hipEventElapsedTime_(&ms, events[0], events[1]));
  CHECK(ms >= 0);
  CHECK(calls == kRounds);
  CHECK_HIP(hipMemcpyDtoHAsync_(result.data(), values, check::kBytes, streams[0]));
  CHECK_HIP(hipStreamSynchronize_(streams[0]));
  CHECK(result == expected);
  CHECK_HIP(hipMemcpyHtoDAsync_(values, expected.data(), check::kBytes, streams[0]));

  hipGraph_t graph = nullptr;
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipStreamBeginCapture_(streams[0], hipStreamCaptureModeGlobal));
  launch(streams[0], false);
  launch(streams[0], true);
  CHECK_HIP(hipStreamEndCapture_(streams[0], &graph));
  CHECK_HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
  CHECK_HIP(hipGraphLaunch_(exec, streams[0]));
  CHECK_HIP(
      hipMemcpyAsync_(result.data(), values, check::kBytes, hipMemcpyDeviceToHost, streams[0]));
  CHECK_HIP(hipDeviceSynchronize_());
  CHECK(result == expected);
  CHECK(hipStreamQuery_(streams[1]) == hipSuccess);
  CHECK_HIP(hipFreeAsync_(values, streams[0]));
  CHECK_HIP(hipGraphExecDestroy_(exec));
  CHECK_HIP(hipGraphDestroy_(graph));
  for (int s = 0; s < 2; s++) {
    CHECK_HIP(hipEventDestroy_(events[s]));
    CHECK_HIP(hipStreamDestroy_(streams[s]));
  }
  std::printf("last %u\n", expected.back());
  return check::pass();
}
