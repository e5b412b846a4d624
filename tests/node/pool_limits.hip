// SPDX-License-Identifier: Apache-2.0
//
// Description: what a memory pool keeps: release threshold, used and reserved
// bytes and their high marks, hipMemPoolTrimTo, reuse of what is freed in a
// stream whose work is held up, the pool of the device replaced.
#include "steps.h"

static uint64_t attribute(hipMemPool_t pool, hipMemPoolAttr name) {
  uint64_t value = ~0ull;
  CHECK_HIP(hipMemPoolGetAttribute(pool, name, &value));
  return value;
}

static void show(const char* when, hipMemPool_t pool, hipMemPoolAttr now, hipMemPoolAttr high) {
  std::printf("%s: %llu, high %llu\n", when, static_cast<unsigned long long>(attribute(pool, now)),
              static_cast<unsigned long long>(attribute(pool, high)));
}

static void show_used(const char* when, hipMemPool_t pool) {
  show(when, pool, hipMemPoolAttrUsedMemCurrent, hipMemPoolAttrUsedMemHigh);
}

// Only where it does not depend on when HIP gives memory back.
static void show_reserved(hipMemPool_t pool) {
  show("  reserved", pool, hipMemPoolAttrReservedMemCurrent, hipMemPoolAttrReservedMemHigh);
}

int main() {
  constexpr size_t kBlock = 1 << 20;
  hipMemPoolProps properties = {};
  properties.allocType = hipMemAllocationTypePinned;
  properties.location.type = hipMemLocationTypeDevice;
  hipMemPool_t pool = nullptr, before = nullptr, now = nullptr;
  CHECK_HIP(hipMemPoolCreate(&pool, &properties));
  uint64_t threshold = 64 * kBlock;
  CHECK_HIP(hipMemPoolSetAttribute(pool, hipMemPoolAttrReleaseThreshold, &threshold));
  CHECK(attribute(pool, hipMemPoolAttrReleaseThreshold) == threshold);
  int opportunistic = -1;
  CHECK_HIP(hipMemPoolGetAttribute(pool, hipMemPoolReuseAllowOpportunistic, &opportunistic));
  std::printf("opportunistic reuse %d\n", opportunistic);
  CHECK_HIP(hipDeviceGetMemPool(&before, 0));
  CHECK_HIP(hipDeviceSetMemPool(0, pool));
  CHECK_HIP(hipDeviceGetMemPool(&now, 0));
  CHECK(now == pool && now != before);
  show_used("new", pool);
  show_reserved(pool);

  check::Stream stream(hipStreamNonBlocking);
  check::SharedValue<int> flag(0);
  check::wait_for<<<1, 1, 0, stream.get()>>>(flag.get());
  CHECK_HIP(hipGetLastError());
  unsigned* blocks[4] = {};
  for (unsigned i = 0; i < 4; i++) {
    CHECK_HIP(hipMallocAsync(reinterpret_cast<void**>(&blocks[i]), kBlock, stream.get()));
    CHECK_HIP(hipMemsetD32Async(blocks[i], i, check::kCount, stream.get()));
    check::launch_step(blocks[i], 10 + i, stream.get());
  }
  show_used("four taken", pool);
  show_reserved(pool);
  unsigned* host = nullptr;
  CHECK_HIP(hipHostMalloc(reinterpret_cast<void**>(&host), 4 * check::kBytes, 0));
  for (unsigned i = 0; i < 4; i++) {
    CHECK_HIP(hipMemcpyAsync(host + i * check::kCount, blocks[i], check::kBytes,
                             hipMemcpyDeviceToHost, stream.get()));
    CHECK_HIP(hipFreeAsync(blocks[i], stream.get()));
  }
  show_used("four freed in the stream", pool);
  show_reserved(pool);
  // Taken again at once: its new content comes behind its old use.
  unsigned* again = nullptr;
  CHECK_HIP(hipMallocAsync(reinterpret_cast<void**>(&again), kBlock, stream.get()));
  CHECK_HIP(hipMemsetD32Async(again, 100, check::kCount, stream.get()));
  CHECK(hipStreamQuery(stream.get()) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  stream.wait();
  check::Digest digest;
  for (unsigned i = 0; i < 4; i++) {
    check::Expected expected(i);
    expected.step(10 + i);
    CHECK(std::vector<unsigned>(host + i * check::kCount, host + (i + 1) * check::kCount) ==
          expected.values());
    digest.add(expected.values());
  }
  digest.print("blocks");
  show_used("one taken again", pool);
  CHECK_HIP(hipFreeAsync(again, stream.get()));
  stream.wait();
  show_used("none taken", pool);
  CHECK_HIP(hipMemPoolTrimTo(pool, 2 * kBlock));
  CHECK(attribute(pool, hipMemPoolAttrReservedMemCurrent) <= 2 * kBlock);
  CHECK_HIP(hipMemPoolTrimTo(pool, 0));
  show_used("trimmed to none", pool);
  show_reserved(pool);
  uint64_t zero = 0, one = 1;
  CHECK_HIP(hipMemPoolSetAttribute(pool, hipMemPoolAttrUsedMemHigh, &zero));
  CHECK_HIP(hipMemPoolSetAttribute(pool, hipMemPoolAttrReservedMemHigh, &zero));
  show_used("high marks set back", pool);
  show_reserved(pool);
  check::report("a high mark of 1", hipMemPoolSetAttribute(pool, hipMemPoolAttrUsedMemHigh, &one));
  check::report("used bytes set",
                hipMemPoolSetAttribute(pool, hipMemPoolAttrUsedMemCurrent, &zero));
  CHECK_HIP(hipDeviceSetMemPool(0, before));
  CHECK_HIP(hipMemPoolDestroy(pool));
  CHECK_HIP(hipHostFree(host));
  return check::pass();
}
