// SPDX-License-Identifier: Apache-2.0
//
// Description: a program built with -fgpu-default-stream=per-thread, where each
// call without a stream is its _spt variant: kernels, copies, sets, symbols,
// callbacks, events and captures, each in its thread's stream: of two threads at
// once, and of one while another's stream is held up.
#include <thread>

#include "steps.h"

#ifndef HIP_API_PER_THREAD_DEFAULT_STREAM
#error build with -fgpu-default-stream=per-thread
#endif

using check::kBytes, check::kCount;
constexpr unsigned kRounds = 8, kRow = 128;

__device__ unsigned table[2][16];

static void add_call(void* counter) {
  ++*static_cast<unsigned*>(counter);
}

// Freed by main(): hipFree waits for the stream that is held up.
struct Buffers {
  check::DeviceArray<unsigned> a{kCount}, b{kCount};
  unsigned* pinned = nullptr;
  Buffers() { CHECK_HIP(hipHostMalloc(reinterpret_cast<void**>(&pinned), 2 * kBytes, 0)); }
  ~Buffers() { (void)hipHostFree(pinned); }
};

// Each line follows the one before it in the thread's own stream.
static std::vector<unsigned> work(unsigned thread, const Buffers& buffers) {
  unsigned *const a = buffers.a.get(), *const b = buffers.b.get(), *const pinned = buffers.pinned;
  const check::Event before, after;
  unsigned calls = 0;
  CHECK_HIP(hipMemset(a, 1, kBytes));
  CHECK_HIP(hipMemset2D(b, kRow, 2, kRow, kBytes / kRow));
  for (unsigned round = 0; round < kRounds; round++) {
    CHECK_HIP(hipEventRecord(before.get(), nullptr));
    check::launch_step(a, round + thread, nullptr);
    CHECK_HIP(hipMemcpyAsync(b, a, kBytes / 2, hipMemcpyDeviceToDevice, nullptr));
    CHECK_HIP(hipMemset2DAsync(a, kRow, static_cast<int>(round), 40, 4, nullptr));
    hipMemcpy3DParms box{};
    box.srcPtr = make_hipPitchedPtr(b, kRow, kRow, 4);
    box.dstPtr = make_hipPitchedPtr(a, kRow, kRow, 4);
    box.extent = make_hipExtent(60, 4, kBytes / kRow / 4);
    box.kind = hipMemcpyDeviceToDevice;
    CHECK_HIP(hipMemcpy3DAsync(&box, nullptr));
    CHECK_HIP(hipMemset3DAsync(make_hipPitchedPtr(b, kRow, kRow, 4), 7, make_hipExtent(16, 2, 2),
                               nullptr));
    CHECK_HIP(hipMemcpy2DAsync(pinned, kRow, a, kRow, kRow, kBytes / kRow, hipMemcpyDeviceToHost,
                               nullptr));
    CHECK_HIP(hipMemcpyToSymbolAsync(HIP_SYMBOL(table), pinned, 64, thread * 64,
                                     hipMemcpyHostToDevice, nullptr));
    CHECK_HIP(hipMemcpyFromSymbolAsync(b, HIP_SYMBOL(table), 64, thread * 64,
                                       hipMemcpyDeviceToDevice, nullptr));
    CHECK_HIP(hipLaunchHostFunc(nullptr, add_call, &calls));
    CHECK_HIP(hipStreamAddCallback(
        nullptr, [](hipStream_t, hipError_t, void* counter) { add_call(counter); }, &calls, 0));
    CHECK_HIP(hipEventRecord(after.get(), nullptr));
    CHECK_HIP(hipStreamWaitEvent(nullptr, before.get(), 0));
  }
  CHECK_HIP(hipStreamSynchronize(nullptr));
  CHECK(hipStreamQuery(nullptr) == hipSuccess);
  CHECK(calls == 2 * kRounds);
  float ms = -1;
  CHECK_HIP(hipEventElapsedTime(&ms, before.get(), after.get()));
  CHECK(ms >= 0);
  // Asynchronous: HIP 6.4's copies that wait do so for the stream that is held up, too.
  CHECK_HIP(hipMemcpyAsync(pinned, a, kBytes, hipMemcpyDeviceToHost, nullptr));
  CHECK_HIP(hipMemcpyAsync(pinned + kCount, b, kBytes, hipMemcpyDeviceToHost, nullptr));
  CHECK_HIP(hipStreamSynchronize(nullptr));
  return std::vector<unsigned>(pinned, pinned + 2 * kCount);
}

// No other thread may copy meanwhile: hipMemcpy refuses to while a stream of
// the process is captured.
static void captured(check::Digest& digest) {
  unsigned* a = nullptr;
  CHECK_HIP(hipMalloc(reinterpret_cast<void**>(&a), kBytes));
  CHECK_HIP(hipMemset(a, 3, kBytes));
  CHECK_HIP(hipStreamBeginCapture(nullptr, hipStreamCaptureModeThreadLocal));
  for (unsigned term = 0; term < 5; term++) check::launch_step(a, term, nullptr);
  hipStreamCaptureStatus status{}, same{};
  unsigned long long id = 0;
  CHECK_HIP(hipStreamIsCapturing(nullptr, &status));
  CHECK_HIP(hipStreamGetCaptureInfo(nullptr, &same, &id));
  CHECK(status == hipStreamCaptureStatusActive && same == status && id != 0);
  hipGraph_t graph = nullptr;
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipStreamEndCapture(nullptr, &graph));
  CHECK_HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
  for (int i = 0; i < 3; i++) CHECK_HIP(hipGraphLaunch(exec, nullptr));
  std::vector<unsigned> result(kCount);
  CHECK_HIP(hipMemcpy(result.data(), a, kBytes, hipMemcpyDeviceToHost));
  digest.add(result);
  CHECK_HIP(hipGraphExecDestroy(exec));
  CHECK_HIP(hipGraphDestroy(graph));
  CHECK_HIP(hipFree(a));
}

int main() {
  const Buffers buffers[2];
  const std::vector<unsigned> alone[] = {work(0, buffers[0]), work(1, buffers[1])};
  std::vector<unsigned> together[2];
  {
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 2; t++)
      threads.emplace_back([t, &together, &buffers] { together[t] = work(t, buffers[t]); });
    for (std::thread& thread : threads) thread.join();
  }
  check::SharedValue<int> flag(0);
  check::wait_for<<<1, 1>>>(flag.get());  // in this thread's stream
  CHECK_HIP(hipGetLastError());
  std::thread([&] { CHECK(work(0, buffers[0]) == alone[0]); }).join();
  CHECK(hipStreamQuery(nullptr) == hipErrorNotReady);
  flag.store(1);
  CHECK_HIP(hipStreamSynchronize(nullptr));
  check::Digest digest;
  for (unsigned t = 0; t < 2; t++) {
    CHECK(together[t] == alone[t]);
    digest.add(together[t]);
  }
  CHECK(alone[0] != alone[1]);
  captured(digest);
  digest.print("values");
  return check::pass();
}
