// SPDX-License-Identifier: Apache-2.0
//
// See executor.h: the same work by other calls. The _spt variants, which take
// a null stream for the thread's own; functions found by hipGetProcAddress;
// module launches; 64-bit and batched value operations; rectangles, symbols
// and prefetches; another thread.
#include <hip/hip_ext.h>

#include <thread>

#include "executor.h"

namespace oracle {

void Executor::launch_affine(Resource& a, uint32_t factor, uint32_t term, hipStream_t stream,
                             decltype(&hipLaunchKernel) launch) {
  void* arguments[] = {&a.data, &factor, &term};
  check(launch(reinterpret_cast<const void*>(affine), dim3(kGroups), dim3(kThreads), arguments, 0,
               stream),
        "launch by pointer");
}

void Executor::per_thread_call(const Op& op, int s) {
  Resource& a = buffer(op.a);
  Resource& b = other_buffer(op.b >> 8, a);
  if (s == 0) s = 1;
  on(s);
  const hipStream_t handle = s == 1 ? nullptr : stream(s);
  const uint32_t variant = op.b % 8;
  if (variant == 0) {
    use({&a}, s, op.order);
    launch_affine(a, op.value, 3, handle, hipLaunchKernel_spt);
  } else if (variant == 1) {
    use({&a, &b}, s, op.order);
    check(hipMemcpyAsync_spt(a.data, b.data, kWords * 2, hipMemcpyDeviceToDevice, handle), "copy");
  } else if (variant == 2) {
    use({&a}, s, op.order);
    check(hipMemsetAsync_spt(a.data + 16, static_cast<int>(op.value & 255), 400, handle), "set");
  } else if (variant == 3) {
    use({&cells_[op.a % kCells]}, s, op.order);
    check(hipLaunchHostFunc_spt(handle, run_host_call, host_call(op.a, op.value)), "host function");
  } else if (variant == 4) {
    const int t = pick_stream(op.value);
    hipEvent_t event = nullptr;
    check(hipEventCreate(&event), "create event");
    check(hipEventRecord_spt(event, handle), "record");
    check(hipStreamWaitEvent_spt(stream(t), event, 0), "stream waits for event");
    on(s);
    check(hipEventDestroy(event), "destroy event");
    check(hipStreamSynchronize_spt(handle), "wait for stream");
    waited_for(s);
  } else if (variant == 5) {
    host_owns(a, op.order);
    check(hipMemcpy_spt(pageable_.data(), a.data, kWords * 4, hipMemcpyDeviceToHost), "hipMemcpy");
    memory_.add(pageable_.data(), kWords * 4);
  } else if (variant == 6) {
    use({&a, &b}, s, op.order);
    void* arguments[] = {&a.data, &b.data};
    check(hipLaunchCooperativeKernel_spt(reinterpret_cast<const void*>(rotate_groups),
                                         dim3(kGroups), dim3(kThreads), arguments, 0, handle),
          "cooperative launch");
  } else {
    use({&a}, s, op.order);
    check(hipStreamBeginCapture_spt(handle, hipStreamCaptureModeRelaxed), "begin capture");
    launch_affine(a, op.value, 9, handle, hipLaunchKernel_spt);
    hipGraph_t graph = nullptr;
    check(hipStreamEndCapture_spt(handle, &graph), "end capture");
    launch_graph(graph, s, 1 + op.value % 2, [handle](hipGraphExec_t exec, hipStream_t) {
      return hipGraphLaunch_spt(exec, handle);
    });
  }
}

void Executor::looked_up_call(const Op& op, int s) {
  Resource& a = buffer(op.a);
  Resource& b = other_buffer(op.b >> 8, a);
  use({&a, &b}, s, op.order);
  void* found = nullptr;
  hipDriverProcAddressQueryResult status{};
  const char* const name = op.b % 2 == 0 ? "hipLaunchKernel" : "hipMemcpyAsync";
  check(hipGetProcAddress(name, &found, 600, 0, &status), "hipGetProcAddress");
  if (found == nullptr) return;
  if (op.b % 2 == 0) {
    launch_affine(a, op.value, 4, stream(s), reinterpret_cast<decltype(&hipLaunchKernel)>(found));
  } else {
    check(reinterpret_cast<decltype(&hipMemcpyAsync)>(found)(a.data + 3, b.data, kWords,
                                                             hipMemcpyDeviceToDevice, stream(s)),
          "copy");
  }
}

void Executor::module_call(const Op& op, int s) {
  Resource& a = buffer(op.a);
  use({&a}, s, op.order);
  hipFunction_t function = nullptr;
  check(hipGetFuncBySymbol(&function, reinterpret_cast<const void*>(affine)), "hipGetFuncBySymbol");
  if (function == nullptr) return;
  uint32_t factor = op.value, term = 6;
  void* pointers[] = {&a.data, &factor, &term};
  struct {
    uint32_t* data;
    uint32_t factor, term;
  } packed{a.data, factor, term};
  size_t bytes = sizeof packed;
  void* extra[] = {HIP_LAUNCH_PARAM_BUFFER_POINTER, &packed, HIP_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
                   HIP_LAUNCH_PARAM_END};
  if (op.b % 2 == 0) {
    check(hipModuleLaunchKernel(function, kGroups, 1, 1, kThreads, 1, 1, 0, stream(s),
                                op.b & 2 ? pointers : nullptr, op.b & 2 ? nullptr : extra),
          "hipModuleLaunchKernel");
    return;
  }
  hipEvent_t start = nullptr, stop = nullptr;
  check(hipEventCreate(&start), "create event");
  check(hipEventCreate(&stop), "create event");
  check(hipExtModuleLaunchKernel(function, kWords, 1, 1, kThreads, 1, 1, 0, stream(s), nullptr,
                                 extra, start, stop, 0),
        "hipExtModuleLaunchKernel");
  check(hipEventSynchronize(stop), "wait for event");
  float ms = -1;
  check(hipEventElapsedTime(&ms, start, stop), "elapsed");
  check(ms >= 0 ? hipSuccess : hipErrorUnknown, "time runs forwards");
  check(hipEventDestroy(start), "destroy event");
  check(hipEventDestroy(stop), "destroy event");
}

// As wait_value().
void Executor::wide_value(const Op& op, int s) {
  if (flag_.data == nullptr) return;
  Resource& a = buffer(op.a);
  const bool batch = op.value % 2 != 0;
  const int t = waiter(op.b, s);
  use({&a, &flag_}, s, op.order);
  affine<<<kGroups, kThreads, 0, stream(s)>>>(a.data, 11, op.value);
  check(hipGetLastError(), "launch");
  ++flag_value_;
  if (!batch) {
    check(hipStreamWriteValue64(stream(s), flag_.data, flag_value_, 0), "hipStreamWriteValue64");
    check(hipStreamWaitValue64(stream(t), flag_.data, flag_value_, hipStreamWaitValueEq,
                               0xffffffffull),
          "hipStreamWaitValue64");
  } else {
    hipStreamBatchMemOpParams write{}, wait{};
    write.writeValue.operation = hipStreamMemOpWriteValue64;
    write.writeValue.address = flag_.data;
    write.writeValue.value64 = flag_value_;
    wait.waitValue.operation = hipStreamMemOpWaitValue64;
    wait.waitValue.address = flag_.data;
    wait.waitValue.value64 = flag_value_;
    wait.waitValue.flags = hipStreamWaitValueGte;
    check(hipStreamBatchMemOp(stream(s), 1, &write, 0), "hipStreamBatchMemOp");
    check(hipStreamBatchMemOp(stream(t), 1, &wait, 0), "hipStreamBatchMemOp");
  }
  a.stream = flag_.stream = t;
}

void Executor::rectangle(const Op& op, int s) {
  Resource& a = buffer(op.a);
  Resource& p = pinned_[op.b % kPinned];
  use({&a, &p}, s, op.order);
  if (op.value % 2 == 0) {
    check(hipMemset2DAsync(a.data, 128, static_cast<int>(op.value >> 8 & 255), 60, 16, stream(s)),
          "2d set");
    return;
  }
  hipMemcpy3DParms box{};
  box.srcPtr = make_hipPitchedPtr(a.data, 64, 64, 4);
  box.dstPtr = make_hipPitchedPtr(p.data, 32, 32, 8);
  box.extent = make_hipExtent(28, 3, 4);
  box.kind = hipMemcpyDeviceToHost;
  check(hipMemcpy3DAsync(&box, stream(s)), "3d copy");
}

void Executor::symbol(const Op& op, int s) {
  Resource& p = pinned_[op.b % kPinned];
  use({&p, &symbol_}, s, op.order);
  if (op.value % 2 == 0) {
    check(hipMemcpyToSymbolAsync(words_symbol(), p.data + 7, 200, 40, hipMemcpyHostToDevice,
                                 stream(s)),
          "copy to symbol");
  } else {
    check(hipMemcpyFromSymbolAsync(p.data + 2, words_symbol(), 240, 0, hipMemcpyDeviceToHost,
                                   stream(s)),
          "copy from symbol");
  }
}

// The managed buffer: where its pages are never changes what is in them.
void Executor::prefetch(const Op& op, int s) {
  Resource& managed = buffers_[kBuffers - 1];
  use({&managed}, s, op.order);
  const int to = op.value % 2 == 0 ? 0 : hipCpuDeviceId;
  check(hipMemPrefetchAsync(managed.data, kWords * 4, to, stream(s)), "prefetch");
  affine<<<kGroups, kThreads, 0, stream(s)>>>(managed.data, op.value, 8);
  check(hipGetLastError(), "launch");
}

// A pool of its own, from which two streams take in turn.
void Executor::pool(const Op& op, int s) {
  Resource& a = buffer(op.a);
  use({&a}, s, op.order);
  hipMemPoolProps properties{};
  properties.allocType = hipMemAllocationTypePinned;
  properties.location.type = hipMemLocationTypeDevice;
  properties.location.id = device_of(s);
  hipMemPool_t made = nullptr;
  check(hipMemPoolCreate(&made, &properties), "create pool");
  if (made == nullptr) return;
  for (uint32_t i = 0; i < 1 + op.value % 3; ++i) {
    void* p = nullptr;
    check(hipMallocFromPoolAsync(&p, kWords * 4, made, stream(s)), "hipMallocFromPoolAsync");
    if (p == nullptr) break;
    auto* words = static_cast<uint32_t*>(p);
    check(hipMemsetAsync(words, static_cast<int>(op.value + i) & 255, kWords * 4, stream(s)),
          "set");
    mix<<<kGroups, kThreads, 0, stream(s)>>>(a.data, words);
    check(hipGetLastError(), "launch");
    check(hipFreeAsync(p, stream(s)), "hipFreeAsync");
  }
  check(hipStreamSynchronize(stream(s)), "wait for stream");
  waited_for(s);
  check(hipMemPoolDestroy(made), "destroy pool");
}

// More packets than a window or a guard's distance, without a wait.
void Executor::burst(const Op& op, int s) {
  Resource& a = buffer(op.a);
  use({&a}, s, op.order);
  for (uint32_t i = 0; i < 20 + op.value % 60; ++i) {
    affine<<<kGroups, kThreads, 0, stream(s)>>>(a.data, op.value + i, i);
  }
  check(hipGetLastError(), "launches");
}

// Another thread has another per-thread stream, which ends with it.
void Executor::other_thread(const Op& op) {
  Resource& a = buffer(op.a);
  host_owns(a, op.order);
  hipError_t codes[4] = {};
  std::thread([&] {
    uint32_t* const words = a.data;
    affine<<<kGroups, kThreads, 0, hipStreamPerThread>>>(words, op.value, 12);
    codes[0] = hipGetLastError();
    reverse<<<kGroups, kThreads, 0, hipStreamPerThread>>>(words);
    codes[1] = hipGetLastError();
    codes[2] = hipMemcpyAsync(pageable_.data(), words, kWords * 4, hipMemcpyDeviceToHost,
                              hipStreamPerThread);
    codes[3] = hipStreamSynchronize(hipStreamPerThread);
  }).join();
  for (const hipError_t code : codes) check(code, "other thread");
  memory_.add(pageable_.data(), kWords * 4);
}

}  // namespace oracle
