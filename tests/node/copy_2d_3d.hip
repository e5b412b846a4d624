// SPDX-License-Identifier: Apache-2.0
//
// Description: pitched 2D and 3D copies in all directions, a part of a
// picture, and a pitched memset.
#include "check.h"

static std::vector<unsigned char> pattern(size_t size) {
  std::vector<unsigned char> bytes(size);
  for (size_t i = 0; i < size; i++) bytes[i] = static_cast<unsigned char>(i * 31 + i / 251);
  return bytes;
}

int main() {
  constexpr size_t width = 100, height = 37;
  const std::vector<unsigned char> picture = pattern(width * height);
  unsigned char *a = nullptr, *b = nullptr;
  size_t pitch_a = 0, pitch_b = 0;
  CHECK_HIP(hipMallocPitch(reinterpret_cast<void**>(&a), &pitch_a, width, height));
  CHECK_HIP(hipMallocPitch(reinterpret_cast<void**>(&b), &pitch_b, width * 2, height));
  CHECK(pitch_a >= width && pitch_b >= width * 2);
  CHECK_HIP(hipMemcpy2D(a, pitch_a, picture.data(), width, width, height, hipMemcpyHostToDevice));
  CHECK_HIP(hipMemset2D(b, pitch_b, 0x5a, width * 2, height));
  CHECK_HIP(hipMemcpy2D(b + 13, pitch_b, a, pitch_a, width, height, hipMemcpyDeviceToDevice));
  std::vector<unsigned char> wide(width * 2 * height);
  CHECK_HIP(
      hipMemcpy2D(wide.data(), width * 2, b, pitch_b, width * 2, height, hipMemcpyDeviceToHost));
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width * 2; x++)
      CHECK(wide[y * width * 2 + x] ==
            (x >= 13 && x < 13 + width ? picture[y * width + x - 13] : 0x5a));

  check::Stream stream;
  std::vector<unsigned char> part(10 * 5);
  CHECK_HIP(hipMemcpy2DAsync(part.data(), 10, a + 4 * pitch_a + 20, pitch_a, 10, 5,
                             hipMemcpyDeviceToHost, stream.get()));
  stream.wait();
  for (size_t y = 0; y < 5; y++)
    for (size_t x = 0; x < 10; x++) CHECK(part[y * 10 + x] == picture[(y + 4) * width + x + 20]);

  constexpr size_t depth = 6, rows = 9, columns = 44;
  std::vector<unsigned char> volume = pattern(columns * rows * depth), back(volume.size());
  hipPitchedPtr box = {};
  const hipExtent extent = make_hipExtent(columns, rows, depth);
  CHECK_HIP(hipMalloc3D(&box, extent));
  hipMemcpy3DParms to_device = {};
  to_device.srcPtr = make_hipPitchedPtr(volume.data(), columns, columns, rows);
  to_device.dstPtr = box;
  to_device.extent = extent;
  to_device.kind = hipMemcpyHostToDevice;
  CHECK_HIP(hipMemcpy3D(&to_device));
  hipMemcpy3DParms to_host = {};
  to_host.srcPtr = box;
  to_host.dstPtr = make_hipPitchedPtr(back.data(), columns, columns, rows);
  to_host.extent = extent;
  to_host.kind = hipMemcpyDeviceToHost;
  CHECK_HIP(hipMemcpy3D(&to_host));
  CHECK(back == volume);
  check::Digest digest;
  digest.add(wide);
  digest.add(part);
  digest.add(back);
  digest.print("bytes");
  CHECK_HIP(hipFree(a));
  CHECK_HIP(hipFree(b));
  CHECK_HIP(hipFree(box.ptr));
  return check::pass();
}
