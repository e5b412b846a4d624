// SPDX-License-Identifier: Apache-2.0
//
// Matrix products on the matrix cores, convolutions by way of them, depthwise
// convolutions directly, and attention in one kernel.
#include <hip/hip_fp16.h>

#include "gpu_internal.h"

namespace {

using models::thread_index;

constexpr int kTile = 32;  // of C, by a workgroup of 2 x 2 waves; each does 16 x 16
constexpr int kDepth = 16;

using Float4 = __attribute__((__vector_size__(4 * sizeof(float)))) float;
using Half4 = __attribute__((__vector_size__(4 * sizeof(_Float16)))) _Float16;

struct Product {
  int m, n, k;
  bool transpose_a, transpose_b, accumulate, round_result;
  size_t stride_a, stride_b;
  float alpha;
};

// 16 x 16 of C += A * B over kDepth; a lane holds one row of A and one column of B.
__device__ Float4 multiply(const float (*a)[kDepth + 1], const float (*b)[kDepth + 1], int lane,
                           Float4 c) {
  for (int k = 0; k < kDepth; k += 4)
    c = __builtin_amdgcn_mfma_f32_16x16x4f32(a[lane % 16][k + lane / 16],
                                             b[lane % 16][k + lane / 16], c, 0, 0, 0);
  return c;
}

__device__ Float4 multiply(const _Float16 (*a)[kDepth + 1], const _Float16 (*b)[kDepth + 1],
                           int lane, Float4 c) {
  Half4 x, y;
  for (int i = 0; i < 4; i++) {
    x[i] = a[lane % 16][lane / 16 * 4 + i];
    y[i] = b[lane % 16][lane / 16 * 4 + i];
  }
  return __builtin_amdgcn_mfma_f32_16x16x16f16(x, y, c, 0, 0, 0);
}

template <class T>
__device__ void product_tile(const Product& p, const T* a, const T* b, float* c) {
  __shared__ T rows[kTile][kDepth + 1];     // of A
  __shared__ T columns[kTile][kDepth + 1];  // of B
  a += blockIdx.z * p.stride_a;
  b += blockIdx.z * p.stride_b;
  c += static_cast<size_t>(blockIdx.z) * p.m * p.n;
  const int top = blockIdx.y * kTile, left = blockIdx.x * kTile;
  const int wave = threadIdx.x / 64, lane = threadIdx.x % 64;
  const int wave_row = wave / 2 * 16, wave_column = wave % 2 * 16;
  Float4 sum = {0, 0, 0, 0};
  for (int start = 0; start < p.k; start += kDepth) {
    for (int i = threadIdx.x; i < kTile * kDepth; i += blockDim.x) {
      const int at = i / kDepth, k = start + i % kDepth;
      const int row = top + at, column = left + at;
      rows[at][i % kDepth] =
          row < p.m && k < p.k ? (p.transpose_a ? a[k * p.m + row] : a[row * p.k + k]) : T(0);
      columns[at][i % kDepth] = column < p.n && k < p.k
                                    ? (p.transpose_b ? b[column * p.k + k] : b[k * p.n + column])
                                    : T(0);
    }
    __syncthreads();
    sum = multiply(rows + wave_row, columns + wave_column, lane, sum);
    __syncthreads();
  }
  for (int i = 0; i < 4; i++) {
    const int row = top + wave_row + lane / 16 * 4 + i, column = left + wave_column + lane % 16;
    if (row >= p.m || column >= p.n) continue;
    float value = p.alpha * sum[i];
    if (p.accumulate) value += c[row * p.n + column];
    c[row * p.n + column] =
        p.round_result ? static_cast<float>(static_cast<_Float16>(value)) : value;
  }
}

}  // namespace

extern "C" __global__ void model_product_float(Product p, const float* a, const float* b,
                                               float* c) {
  product_tile(p, a, b, c);
}

extern "C" __global__ void model_product_half(Product p, const _Float16* a, const _Float16* b,
                                              float* c) {
  product_tile(p, a, b, c);
}

extern "C" __global__ void model_to_half(int pairs, const float2* x, __half2* y) {
  const int i = thread_index();
  if (i < pairs) y[i] = __float22half2_rn(x[i]);
}

extern "C" __global__ void model_columns(int count, models::Conv s, const float* x, float* y) {
  const int i = thread_index();
  if (i >= count) return;
  const int oh = s.out_h(), ow = s.out_w(), taps = s.k * s.k;
  const int at = i % (oh * ow), tap = i / (oh * ow) % taps, plane = i / (oh * ow * taps);
  const int from_y = at / ow * s.stride + tap / s.k - s.pad;
  const int from_x = at % ow * s.stride + tap % s.k - s.pad;
  const bool inside = from_y >= 0 && from_y < s.h && from_x >= 0 && from_x < s.w;
  y[i] = inside ? x[(plane * s.h + from_y) * s.w + from_x] : 0;
}

// The way back: each number of the image gathers from the columns it is in.
extern "C" __global__ void model_columns_grad(int count, models::Conv s, const float* d_columns,
                                              float* d_x) {
  const int i = thread_index();
  if (i >= count) return;
  const int oh = s.out_h(), ow = s.out_w();
  const int x = i % s.w, y = i / s.w % s.h, plane = i / (s.w * s.h);
  float sum = 0;
  for (int tap = 0; tap < s.k * s.k; tap++) {
    const int down = y + s.pad - tap / s.k, right = x + s.pad - tap % s.k;
    if (down < 0 || right < 0 || down % s.stride != 0 || right % s.stride != 0) continue;
    if (down / s.stride >= oh || right / s.stride >= ow) continue;
    sum += d_columns[((plane * s.k * s.k + tap) * oh + down / s.stride) * ow + right / s.stride];
  }
  d_x[i] = sum;
}

extern "C" __global__ void model_depthwise(int count, models::Conv s, const float* x,
                                           const float* w, float* y) {
  const int i = thread_index();
  if (i >= count) return;
  const int oh = s.out_h(), ow = s.out_w();
  const int plane = i / (oh * ow), channel = plane % s.c;
  float sum = 0;
  for (int tap = 0; tap < s.k * s.k; tap++) {
    const int from_y = i / ow % oh * s.stride + tap / s.k - s.pad;
    const int from_x = i % ow * s.stride + tap % s.k - s.pad;
    if (from_y < 0 || from_y >= s.h || from_x < 0 || from_x >= s.w) continue;
    sum += x[(plane * s.h + from_y) * s.w + from_x] * w[channel * s.k * s.k + tap];
  }
  y[i] = sum;
}

extern "C" __global__ void model_depthwise_grad_x(int count, models::Conv s, const float* d_y,
                                                  const float* w, float* d_x) {
  const int i = thread_index();
  if (i >= count) return;
  const int oh = s.out_h(), ow = s.out_w();
  const int x = i % s.w, y = i / s.w % s.h, plane = i / (s.w * s.h);
  float sum = 0;
  for (int tap = 0; tap < s.k * s.k; tap++) {
    const int down = y + s.pad - tap / s.k, right = x + s.pad - tap % s.k;
    if (down < 0 || right < 0 || down % s.stride != 0 || right % s.stride != 0) continue;
    if (down / s.stride >= oh || right / s.stride >= ow) continue;
    sum += d_y[(plane * oh + down / s.stride) * ow + right / s.stride] *
           w[plane % s.c * s.k * s.k + tap];
  }
  d_x[i] = sum;
}

// A workgroup for each weight.
extern "C" __global__ void model_depthwise_grad_w(models::Conv s, const float* d_y, const float* x,
                                                  float* d_w) {
  const int channel = blockIdx.x / (s.k * s.k), tap = blockIdx.x % (s.k * s.k);
  const int oh = s.out_h(), ow = s.out_w();
  float sum = 0;
  for (int i = threadIdx.x; i < s.n * oh * ow; i += blockDim.x) {
    const int plane = i / (oh * ow) * s.c + channel, at = i % (oh * ow);
    const int from_y = at / ow * s.stride + tap / s.k - s.pad;
    const int from_x = at % ow * s.stride + tap % s.k - s.pad;
    if (from_y < 0 || from_y >= s.h || from_x < 0 || from_x >= s.w) continue;
    sum += d_y[plane * oh * ow + at] * x[(plane * s.h + from_y) * s.w + from_x];
  }
  sum = models::group_sum(sum);
  if (threadIdx.x == 0) d_w[blockIdx.x] = sum;
}

// A wave for each query; a lane for each number of a vector. The softmax runs
// along: what was summed up so far shrinks when a greater weight comes.
extern "C" __global__ void model_attention(int tokens, int width, float scale, const float* q,
                                           const float* k, const float* v, float* y) {
  const int lane = threadIdx.x, row = blockIdx.x;
  const int first = row / tokens * tokens;
  const float query = lane < width ? q[row * width + lane] * scale : 0;
  float most = -INFINITY, weights = 0, sum = 0;
  for (int token = first; token < first + tokens; token++) {
    const float key = lane < width ? k[token * width + lane] : 0;
    const float score = models::wave_sum(query * key);
    const float now = fmaxf(most, score);
    const float shrink = expf(most - now), weight = expf(score - now);
    weights = weights * shrink + weight;
    sum = sum * shrink + weight * (lane < width ? v[token * width + lane] : 0);
    most = now;
  }
  if (lane < width) y[row * width + lane] = sum / weights;
}

namespace models {

std::shared_ptr<void> Gpu::to_half(const float* x, size_t count) {
  // Blocks are at least 512 bytes and powers of two, so an odd count has a
  // number behind it to make a pair.
  std::shared_ptr<void> half(take((count + 1) / 2 * sizeof(__half2)),
                             [this](void* block) { give(block); });
  LAUNCH_EACH(model_to_half, (count + 1) / 2, reinterpret_cast<const float2*>(x),
              static_cast<__half2*>(half.get()));
  return half;
}

void Gpu::product(const Matmul& s, const float* a, const float* b, float* c, bool round_result) {
  const size_t size_a = static_cast<size_t>(s.m) * s.k, size_b = static_cast<size_t>(s.k) * s.n;
  const Product p{s.m,
                  s.n,
                  s.k,
                  s.transpose_a,
                  s.transpose_b,
                  s.accumulate,
                  round_result,
                  s.share_a ? 0 : size_a,
                  s.share_b ? 0 : size_b,
                  s.alpha};
  const dim3 grid((s.n + kTile - 1) / kTile, (s.m + kTile - 1) / kTile, s.batch);
  if (s.half) {
    const auto half_a = to_half(a, s.share_a ? size_a : size_a * s.batch);
    const auto half_b = to_half(b, s.share_b ? size_b : size_b * s.batch);
    model_product_half<<<grid, kThreads, 0, stream_>>>(
        p, static_cast<const _Float16*>(half_a.get()), static_cast<const _Float16*>(half_b.get()),
        c);
  } else {
    model_product_float<<<grid, kThreads, 0, stream_>>>(p, a, b, c);
  }
  CHECK_HIP(hipGetLastError());
}

void Gpu::matmul(const Matmul& s, const Array& a, const Array& b, Array& c) {
  product(s, in(a), in(b), out(c), s.half);
}

ArrayPtr Gpu::columns(const Conv& s, const Array& x) {
  const size_t count = static_cast<size_t>(s.n) * s.c * s.k * s.k * s.out_h() * s.out_w();
  ArrayPtr result = allocate(count);
  LAUNCH_EACH(model_columns, count, s, in(x), out(*result));
  return result;
}

void Gpu::conv(const Conv& s, const Array& x, const Array& w, Array& y) {
  if (s.depthwise) {
    LAUNCH_EACH(model_depthwise, y.count, s, in(x), in(w), out(y));
    return;
  }
  const ArrayPtr unrolled = columns(s, x);
  product({.batch = s.n,
           .m = s.out_c,
           .n = s.out_h() * s.out_w(),
           .k = s.c * s.k * s.k,
           .share_a = true,
           .half = s.half},
          in(w), in(*unrolled), out(y), s.half);
}

void Gpu::conv_grad_x(const Conv& s, const Array& d_y, const Array& w, Array& d_x) {
  if (s.depthwise) {
    LAUNCH_EACH(model_depthwise_grad_x, d_x.count, s, in(d_y), in(w), out(d_x));
    return;
  }
  const int depth = s.c * s.k * s.k, pixels = s.out_h() * s.out_w();
  const ArrayPtr d_columns = allocate(static_cast<size_t>(s.n) * depth * pixels);
  product({.batch = s.n,
           .m = depth,
           .n = pixels,
           .k = s.out_c,
           .transpose_a = true,
           .share_a = true,
           .half = s.half},
          in(w), in(d_y), out(*d_columns), false);
  LAUNCH_EACH(model_columns_grad, d_x.count, s, in(*d_columns), out(d_x));
}

void Gpu::conv_grad_w(const Conv& s, const Array& d_y, const Array& x, Array& d_w) {
  if (s.depthwise) {
    LAUNCH_GROUPS(model_depthwise_grad_w, s.c * s.k * s.k, s, in(d_y), in(x), out(d_w));
    return;
  }
  const ArrayPtr unrolled = columns(s, x);
  const int depth = s.c * s.k * s.k, pixels = s.out_h() * s.out_w();
  for (int image = 0; image < s.n; image++)
    product({.m = s.out_c,
             .n = depth,
             .k = pixels,
             .transpose_b = true,
             .accumulate = image > 0,
             .half = s.half},
            in(d_y) + static_cast<size_t>(image) * s.out_c * pixels,
            in(*unrolled) + static_cast<size_t>(image) * depth * pixels, out(d_w), false);
}

void Gpu::attention(int batch, int tokens, int width, const Array& q, const Array& k,
                    const Array& v, Array& y) {
  CHECK(width <= 64);
  model_attention<<<batch * tokens, 64, 0, stream_>>>(
      tokens, width, 1 / sqrtf(static_cast<float>(width)), in(q), in(k), in(v), out(y));
  CHECK_HIP(hipGetLastError());
}

}  // namespace models
