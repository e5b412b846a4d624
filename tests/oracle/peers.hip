// SPDX-License-Identifier: Apache-2.0
//
// See executor.h: what only a program with two GPUs does. The other operations
// are the same there, with streams and buffers on both.
#include "executor.h"

namespace oracle {

bool let_peers_reach_each_other(uint32_t gpus) {
  int there = 0;
  if (hipGetDeviceCount(&there) != hipSuccess || there < static_cast<int>(gpus)) return false;
  for (int device = 0; gpus > 1 && device < 2; ++device) {
    if (hipSetDevice(device) != hipSuccess ||
        hipDeviceEnablePeerAccess(1 - device, 0) != hipSuccess)
      return false;
  }
  return hipSetDevice(0) == hipSuccess;
}

// Between a buffer of the one and one of the other, by any of the calls.
void Executor::peer_copy(const Op& op, int s) {
  const uint32_t n = op.a % (kBuffers - 1);
  Resource& a = buffers_[n];
  Resource& b = buffers_[(n + 1) % (kBuffers - 1)];
  const int to = static_cast<int>(n) % gpus_, from = 1 - to;
  const size_t bytes = (1 + op.value % kWords) * 4;
  if (op.b % 8 == 0) {
    host_owns(a, op.order);
    host_owns(b, op.order >> 4);
    check(hipMemcpyPeer(a.data, to, b.data, from, bytes), "hipMemcpyPeer");
    a.stream = b.stream = 0;
    for (int device = 0; device < gpus_; ++device) wait_for_device(device);
    return;
  }
  use({&a, &b}, s, op.order);
  switch (op.b % 4) {
    case 0:
    case 1:
      check(hipMemcpyPeerAsync(a.data, to, b.data, from, bytes, stream(s)), "hipMemcpyPeerAsync");
      break;
    case 2:
      check(hipMemcpyAsync(a.data, b.data, bytes, hipMemcpyDefault, stream(s)), "copy");
      break;
    default:
      check(hipMemcpy2DAsync(a.data, 256, b.data, 128, 64, 12, hipMemcpyDeviceToDevice, stream(s)),
            "2d copy");
  }
}

// Memory of a pool of one GPU, used by a stream of the other between its
// allocation and its end.
void Executor::peer_allocation(const Op& op, int s) {
  int t = pick_stream(op.b);
  if (device_of(t) == device_of(s)) t = s;
  Resource& a = buffer(op.a);
  use({&a}, t, op.order);
  on(s);
  hipMemPoolProps properties{};
  properties.allocType = hipMemAllocationTypePinned;
  properties.location.type = hipMemLocationTypeDevice;
  properties.location.id = device_of(s);
  hipMemPool_t pool = nullptr;
  check(hipMemPoolCreate(&pool, &properties), "create pool");
  if (pool == nullptr) return;
  hipMemAccessDesc access{};
  access.location.type = hipMemLocationTypeDevice;
  access.location.id = 1 - device_of(s);
  access.flags = hipMemAccessFlagsProtReadWrite;
  check(hipMemPoolSetAccess(pool, &access, 1), "access for the peer");
  hipEvent_t made = nullptr, used = nullptr;
  check(hipEventCreateWithFlags(&made, hipEventDisableTiming), "create event");
  void* p = nullptr;
  check(hipMallocFromPoolAsync(&p, kWords * 4, pool, stream(s)), "hipMallocFromPoolAsync");
  if (p != nullptr) {
    auto* words = static_cast<uint32_t*>(p);
    check(hipMemsetAsync(words, static_cast<int>(op.value & 255), kWords * 4, stream(s)), "set");
    affine<<<kGroups, kThreads, 0, stream(s)>>>(words, op.value, 21);
    check(hipGetLastError(), "launch");
    check(hipEventRecord(made, stream(s)), "record");
    on(t);
    check(hipEventCreateWithFlags(&used, hipEventDisableTiming), "create event");
    check(hipStreamWaitEvent(stream(t), made, 0), "stream waits for event");
    mix<<<kGroups, kThreads, 0, stream(t)>>>(a.data, words);
    check(hipGetLastError(), "launch");
    check(hipEventRecord(used, stream(t)), "record");
    on(s);
    check(hipStreamWaitEvent(stream(s), used, 0), "stream waits for event");
    check(hipFreeAsync(p, stream(s)), "hipFreeAsync");
    check(hipEventDestroy(used), "destroy event");
  }
  check(hipEventDestroy(made), "destroy event");
  check(hipStreamSynchronize(stream(s)), "wait for stream");
  waited_for(s);
  check(hipMemPoolDestroy(pool), "destroy pool");
}

}  // namespace oracle
