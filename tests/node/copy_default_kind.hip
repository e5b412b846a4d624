// SPDX-License-Identifier: Apache-2.0
//
// Description: hipMemcpyDefault finds out itself where memory is: copies between
// device, pinned, registered, managed and plain memory, in a chain over two
// streams; rectangles and boxes set and copied in the same order.
#include "steps.h"

int main() {
  constexpr unsigned kRounds = 6;
  check::Stream streams[2];
  check::Event events[2];
  check::DeviceArray<unsigned> a(std::vector<unsigned>(check::kCount, 1)), b(check::kCount);
  std::vector<unsigned> plain(check::kCount), registered(check::kCount);
  unsigned *pinned = nullptr, *managed = nullptr;
  CHECK_HIP(hipHostMalloc(reinterpret_cast<void**>(&pinned), check::kBytes, 0));
  CHECK_HIP(
      hipMallocManaged(reinterpret_cast<void**>(&managed), check::kBytes, hipMemAttachGlobal));
  CHECK_HIP(hipHostRegister(registered.data(), check::kBytes, 0));
  check::Expected expected(1);
  unsigned at = 0;  // the stream whose turn it is
  const auto other = [&] {
    CHECK_HIP(hipEventRecord(events[at].get(), streams[at].get()));
    at = 1 - at;
    CHECK_HIP(hipStreamWaitEvent(streams[at].get(), events[1 - at].get(), 0));
  };
  const auto copy = [&](unsigned* to, const unsigned* from) {
    CHECK_HIP(hipMemcpyAsync(to, from, check::kBytes, hipMemcpyDefault, streams[at].get()));
    other();
  };
  for (unsigned round = 0; round < kRounds; round++) {
    check::launch_step(a.get(), round, streams[at].get());
    expected.step(round);
    copy(pinned, a.get());
    copy(managed, pinned);
    copy(b.get(), managed);
    copy(registered.data(), b.get());
    copy(a.get(), registered.data());
  }
  streams[at].wait();
  CHECK(a.read() == expected.values());
  CHECK_HIP(
      hipMemcpyAsync(plain.data(), a.get(), check::kBytes, hipMemcpyDefault, streams[at].get()));
  streams[at].wait();
  CHECK(plain == expected.values());
  std::printf("last %u\n", expected.last());

  // 16 rows of 64: a rectangle, a box of 2 x 4 rows of it, and copies of both.
  constexpr size_t kPitch = 256;
  for (unsigned round = 0; round < kRounds; round++) {
    const hipStream_t stream = streams[at].get();
    CHECK_HIP(hipMemset2DAsync(a.get(), kPitch, static_cast<int>(round), 100, 9, stream));
    check::launch_step(a.get(), round, stream);
    other();
    CHECK_HIP(hipMemset3DAsync(make_hipPitchedPtr(a.get(), kPitch, kPitch, 4), 0x11 * round,
                               make_hipExtent(32, 2, 2), streams[at].get()));
    CHECK_HIP(hipMemcpy2DAsync(pinned, kPitch, a.get(), kPitch, kPitch, 16, hipMemcpyDefault,
                               streams[at].get()));
    other();
    CHECK_HIP(hipMemcpy2DAsync(b.get(), kPitch / 2, pinned, kPitch, 120, 16, hipMemcpyDefault,
                               streams[at].get()));
  }
  std::vector<unsigned> values = expected.values();
  auto* const bytes = reinterpret_cast<unsigned char*>(values.data());
  for (unsigned round = 0; round < kRounds; round++) {
    for (size_t row = 0; row < 9; row++)
      std::fill_n(bytes + row * kPitch, 100, static_cast<unsigned char>(round));
    check::step_on_host(values, round);
    for (const size_t row : {0, 1, 4, 5})
      std::fill_n(bytes + row * kPitch, 32, static_cast<unsigned char>(0x11 * round));
  }
  streams[at].wait();
  CHECK(a.read() == values);
  const std::vector<unsigned> narrow = b.read();
  for (size_t row = 0; row < 16; row++)
    for (size_t i = 0; i < 30; i++) CHECK(narrow[row * 32 + i] == values[row * 64 + i]);
  check::Digest digest;
  digest.add(values);
  digest.print("boxes");
  check::report(
      "a kind that is not one",
      hipMemcpyAsync(a.get(), b.get(), 4, static_cast<hipMemcpyKind>(9), streams[at].get()));
  CHECK_HIP(hipHostUnregister(registered.data()));
  CHECK_HIP(hipHostFree(pinned));
  CHECK_HIP(hipFree(managed));
  return check::pass();
}
