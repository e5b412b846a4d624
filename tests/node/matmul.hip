// SPDX-License-Identifier: Apache-2.0
//
// Description: matrix product, once straight from memory and once tiled
// through LDS with workgroup barriers; both must give the host's result.
#include "check.h"

constexpr int kTile = 16;

__global__ void matmul_naive(const float* a, const float* b, float* c, int n) {
  const int row = blockIdx.y * blockDim.y + threadIdx.y;
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= n || column >= n) return;
  float sum = 0;
  for (int k = 0; k < n; k++) sum += a[row * n + k] * b[k * n + column];
  c[row * n + column] = sum;
}

__global__ void matmul_tiled(const float* a, const float* b, float* c, int n) {
  __shared__ float tile_a[kTile][kTile];
  __shared__ float tile_b[kTile][kTile];
  const int x = threadIdx.x, y = threadIdx.y;
  const int row = blockIdx.y * kTile + y, column = blockIdx.x * kTile + x;
  float sum = 0;
  for (int start = 0; start < n; start += kTile) {
    tile_a[y][x] = row < n && start + x < n ? a[row * n + start + x] : 0;
    tile_b[y][x] = column < n && start + y < n ? b[(start + y) * n + column] : 0;
    __syncthreads();
    for (int k = 0; k < kTile; k++) sum += tile_a[y][k] * tile_b[k][x];
    __syncthreads();
  }
  if (row < n && column < n) c[row * n + column] = sum;
}

int main() {
  constexpr int n = 72;  // not a multiple of the tile
  std::vector<float> a(n * n), b(n * n), expected(n * n);
  // Small multiples of 1/8: every product and sum is exact, in any order.
  for (int i = 0; i < n * n; i++) {
    a[i] = 0.25f * static_cast<float>(i * 7 % 13);
    b[i] = 0.5f * static_cast<float>(i * 5 % 11);
  }
  for (int row = 0; row < n; row++)
    for (int column = 0; column < n; column++)
      for (int k = 0; k < n; k++) expected[row * n + column] += a[row * n + k] * b[k * n + column];

  check::DeviceArray<float> da(a), db(b), dc(n * n);
  const dim3 threads(kTile, kTile), groups((n + kTile - 1) / kTile, (n + kTile - 1) / kTile);
  for (const bool tiled : {false, true}) {
    dc.fill_bytes(0xff);
    if (tiled)
      matmul_tiled<<<groups, threads>>>(da.get(), db.get(), dc.get(), n);
    else
      matmul_naive<<<groups, threads>>>(da.get(), db.get(), dc.get(), n);
    CHECK_HIP(hipGetLastError());
    const std::vector<float> c = dc.read();
    CHECK(c == expected);
    check::Digest digest;
    digest.add(c);
    digest.print(tiled ? "tiled" : "naive");
  }
  return check::pass();
}
