// SPDX-License-Identifier: Apache-2.0
//
// Description: virtual memory by hand: an address range reserved, memory made,
// mapped into it in two pieces, opened, used across their border by kernels and
// copies, mapped a second time elsewhere, unmapped and given back.
#include <algorithm>

#include "steps.h"

static hipMemGenericAllocationHandle_t made(size_t bytes, const hipMemAllocationProp& on_device) {
  hipMemGenericAllocationHandle_t memory = nullptr;
  CHECK_HIP(hipMemCreate(&memory, bytes, &on_device, 0));
  return memory;
}

int main() {
  int supported = 0;
  CHECK_HIP(
      hipDeviceGetAttribute(&supported, hipDeviceAttributeVirtualMemoryManagementSupported, 0));
  if (!supported) check::skip("the device has no virtual memory management");
  hipMemAllocationProp on_device = {};
  on_device.type = hipMemAllocationTypePinned;
  on_device.location.type = hipMemLocationTypeDevice;
  on_device.location.id = 0;
  size_t piece = 0;
  CHECK_HIP(
      hipMemGetAllocationGranularity(&piece, &on_device, hipMemAllocationGranularityRecommended));
  CHECK(piece >= 4096 && piece % 4096 == 0);
  char* base = nullptr;
  CHECK_HIP(hipMemAddressReserve(reinterpret_cast<void**>(&base), 2 * piece, 0, nullptr, 0));
  CHECK(base != nullptr);
  const hipMemGenericAllocationHandle_t memory[] = {made(piece, on_device), made(piece, on_device)};
  hipMemAccessDesc access = {};
  access.location = on_device.location;
  access.flags = hipMemAccessFlagsProtReadWrite;
  for (int i = 0; i < 2; i++) {
    CHECK_HIP(hipMemMap(base + i * piece, piece, 0, memory[i], 0));
    CHECK_HIP(hipMemSetAccess(base + i * piece, piece, &access, 1));
  }
  unsigned long long flags = 0;
  CHECK_HIP(hipMemGetAccess(&flags, &access.location, base));
  CHECK(flags == hipMemAccessFlagsProtReadWrite);
  hipMemAllocationProp properties = {};
  CHECK_HIP(hipMemGetAllocationPropertiesFromHandle(&properties, memory[1]));
  CHECK(properties.location.id == 0 && properties.type == hipMemAllocationTypePinned);

  // Half of the values in each piece.
  check::Stream stream(hipStreamNonBlocking);
  auto* const values = reinterpret_cast<unsigned*>(base + piece - check::kBytes / 2);
  check::Expected expected(9);
  std::vector<unsigned> result(check::kCount);
  CHECK_HIP(hipMemsetD32Async(values, 9, check::kCount, stream.get()));
  for (unsigned term = 0; term < 20; term++) {
    check::launch_step(values, term, stream.get());
    expected.step(term);
  }
  CHECK_HIP(
      hipMemcpyAsync(result.data(), values, check::kBytes, hipMemcpyDeviceToHost, stream.get()));
  stream.wait();
  CHECK(result == expected.values());
  std::printf("last %u\n", expected.last());

  hipMemGenericAllocationHandle_t again = nullptr;
  check::report("the handle of an address", hipMemRetainAllocationHandle(&again, base));
  if (again != nullptr) {
    std::printf("it is %s\n", again == memory[0] ? "the first one's" : "another");
    CHECK_HIP(hipMemRelease(again));
  }
  check::report("memory for 1 byte", [&] {
    hipMemGenericAllocationHandle_t small = nullptr;
    return hipMemCreate(&small, 1, &on_device, 0);
  }());

  // Unmapped, then the second piece's memory at the first piece's address.
  for (int i = 0; i < 2; i++) CHECK_HIP(hipMemUnmap(base + i * piece, piece));
  CHECK_HIP(hipMemMap(base, piece, 0, memory[1], 0));
  CHECK_HIP(hipMemSetAccess(base, piece, &access, 1));
  CHECK_HIP(hipMemcpy(result.data(), base, check::kBytes / 2, hipMemcpyDeviceToHost));
  for (unsigned i = 0; i < check::kCount / 2; i++)
    CHECK(result[i] == expected.values()[check::kCount / 2 + i]);
  check::launch_step(reinterpret_cast<unsigned*>(base), 1, stream.get());
  stream.wait();
  std::vector<unsigned> half(result.begin(), result.begin() + check::kCount / 2);
  check::step_on_host(half, 1);
  CHECK_HIP(hipMemcpy(result.data(), base, check::kBytes / 2, hipMemcpyDeviceToHost));
  CHECK(std::equal(half.begin(), half.end(), result.begin()));
  CHECK_HIP(hipMemUnmap(base, piece));
  for (const auto& piece_of_memory : memory) CHECK_HIP(hipMemRelease(piece_of_memory));
  CHECK_HIP(hipMemAddressFree(base, 2 * piece));
  return check::pass();
}
