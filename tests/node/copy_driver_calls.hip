// SPDX-License-Identifier: Apache-2.0
//
// Description: the copies and sets in the driver's form: rectangles and boxes by
// descriptor, sets of 8, 16 and 32 bits, copies by direction and with a stream,
// in the order of a stream with kernels; arrays, or that there are none.
#include "steps.h"

constexpr size_t kPitch = 256, kRows = check::kBytes / kPitch;

static hip_Memcpy2D rectangle(void* to, void* from, size_t width, size_t height) {
  hip_Memcpy2D copy = {};
  copy.srcMemoryType = copy.dstMemoryType = hipMemoryTypeDevice;
  copy.srcDevice = from;
  copy.dstDevice = to;
  copy.srcPitch = copy.dstPitch = kPitch;
  copy.srcXInBytes = 16;
  copy.dstY = 1;
  copy.WidthInBytes = width;
  copy.Height = height;
  return copy;
}

static HIP_MEMCPY3D box(void* to, void* from, size_t width, size_t height, size_t depth) {
  HIP_MEMCPY3D copy = {};
  copy.srcMemoryType = copy.dstMemoryType = hipMemoryTypeDevice;
  copy.srcDevice = from;
  copy.dstDevice = to;
  copy.srcPitch = copy.dstPitch = kPitch;
  copy.srcHeight = copy.dstHeight = 4;
  copy.WidthInBytes = width;
  copy.Height = height;
  copy.Depth = depth;
  return copy;
}

static void arrays(const check::Stream& stream) {
  hipChannelFormatDesc format = hipCreateChannelDesc<unsigned>();
  hipArray_t array = nullptr;
  const hipError_t made = hipMallocArray(&array, &format, 32, 4, hipArrayDefault);
  check::report("an array", made);
  if (made != hipSuccess) return;
  std::vector<unsigned> in(128), out(128);
  for (unsigned i = 0; i < 128; i++) in[i] = 3 * i;
  check::report("into it", hipMemcpy2DToArrayAsync(array, 0, 0, in.data(), 128, 128, 4,
                                                   hipMemcpyHostToDevice, stream.get()));
  check::report("out of it", hipMemcpy2DFromArrayAsync(out.data(), 128, array, 0, 0, 128, 4,
                                                       hipMemcpyDeviceToHost, stream.get()));
  stream.wait();
  std::printf("it has %s\n", in == out ? "what was put into it" : "something else");
  CHECK_HIP(hipFreeArray(array));
}

int main() {
  check::DeviceArray<unsigned> a(std::vector<unsigned>(check::kCount, 1)), b(check::kCount);
  check::Stream stream(hipStreamNonBlocking);
  b.fill_bytes(0);
  CHECK_HIP(hipDeviceSynchronize());
  for (unsigned round = 0; round < 6; round++) {
    check::launch_step(a.get(), round, stream.get());
    const hip_Memcpy2D copy = rectangle(b.get(), a.get(), 100, kRows - 1);
    CHECK_HIP(hipMemcpyParam2DAsync(&copy, stream.get()));
    CHECK_HIP(hipMemsetD8Async(a.get(), static_cast<unsigned char>(round), 20, stream.get()));
    check::launch_step(b.get(), round, stream.get());
    CHECK_HIP(hipMemsetD16Async(b.get() + 512, static_cast<unsigned short>(300 + round), 31,
                                stream.get()));
    const HIP_MEMCPY3D whole = box(a.get(), b.get(), 60, 3, 3);
    CHECK_HIP(hipDrvMemcpy3DAsync(&whole, stream.get()));
    CHECK_HIP(hipMemcpyDtoDAsync(a.get() + 900, b.get() + 500, 64, stream.get()));
  }
  std::vector<unsigned> of_a(check::kCount), of_b(check::kCount);
  CHECK_HIP(hipMemcpyWithStream(of_a.data(), a.get(), check::kBytes, hipMemcpyDeviceToHost,
                                stream.get()));
  CHECK_HIP(hipMemcpyDtoH(of_b.data(), b.get(), check::kBytes));

  // The same on the host.
  std::vector<unsigned> x(check::kCount, 1), y(check::kCount, 0);
  const auto bytes = [](std::vector<unsigned>& values) {
    return reinterpret_cast<unsigned char*>(values.data());
  };
  for (unsigned round = 0; round < 6; round++) {
    check::step_on_host(x, round);
    for (size_t row = 0; row < kRows - 1; row++)
      std::copy_n(bytes(x) + row * kPitch + 16, 100, bytes(y) + (row + 1) * kPitch);
    std::fill_n(bytes(x), 20, static_cast<unsigned char>(round));
    check::step_on_host(y, round);
    std::fill_n(reinterpret_cast<unsigned short*>(y.data() + 512), 31,
                static_cast<unsigned short>(300 + round));
    for (size_t plane = 0; plane < 3; plane++)
      for (size_t row = 0; row < 3; row++)
        std::copy_n(bytes(y) + (4 * plane + row) * kPitch, 60,
                    bytes(x) + (4 * plane + row) * kPitch);
    std::copy_n(y.begin() + 500, 16, x.begin() + 900);
  }
  CHECK(of_a == x);
  CHECK(of_b == y);
  CHECK_HIP(hipMemsetD8(a.get(), 1, 4));
  CHECK_HIP(hipMemsetD16(a.get() + 1, 2, 2));
  CHECK_HIP(hipMemsetD32(a.get() + 2, 3, 1));
  CHECK_HIP(hipDeviceSynchronize());
  const std::vector<unsigned> set = a.read();
  CHECK(set[0] == 0x01010101 && set[1] == 0x00020002 && set[2] == 3 && set[3] == x[3]);
  std::printf("last %u %u\n", x.back(), y.back());
  arrays(stream);
  return check::pass();
}
