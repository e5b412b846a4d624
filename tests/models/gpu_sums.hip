// SPDX-License-Identifier: Apache-2.0
//
// Operators with one workgroup a sum: normalizations, softmax, losses, the
// gradients of what is shared by many numbers.
#include "gpu_internal.h"

using models::group_max;
using models::group_sum;
using models::kNormEpsilon;
using models::Planes;

namespace {

// Where the i-th number of channel c is.
__device__ int in_channel(const Planes& s, int c, int i) {
  return (i / s.inner * s.c + c) * s.inner + i % s.inner;
}

}  // namespace

extern "C" __global__ void model_bias_grad(Planes s, const float* d_y, float* d_b) {
  float sum = 0;
  for (int i = threadIdx.x; i < s.n * s.inner; i += blockDim.x)
    sum += d_y[in_channel(s, blockIdx.x, i)];
  sum = group_sum(sum);
  if (threadIdx.x == 0) d_b[blockIdx.x] = sum;
}

extern "C" __global__ void model_scale_rows_grad(int columns, const float* d_y, const float* x,
                                                 float* d_f) {
  float sum = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    sum += d_y[blockIdx.x * columns + i] * x[blockIdx.x * columns + i];
  sum = group_sum(sum);
  if (threadIdx.x == 0) d_f[blockIdx.x] = sum;
}

extern "C" __global__ void model_batch_stats(Planes s, const float* x, float* mean,
                                             float* variance) {
  const int c = blockIdx.x, each = s.n * s.inner;
  float sum = 0;
  for (int i = threadIdx.x; i < each; i += blockDim.x) sum += x[in_channel(s, c, i)];
  const float middle = group_sum(sum) / static_cast<float>(each);
  float squares = 0;
  for (int i = threadIdx.x; i < each; i += blockDim.x) {
    const float off = x[in_channel(s, c, i)] - middle;
    squares += off * off;
  }
  squares = group_sum(squares);
  if (threadIdx.x != 0) return;
  mean[c] = middle;
  variance[c] = squares / static_cast<float>(each);
}

extern "C" __global__ void model_batch_norm(int count, Planes s, const float* x, const float* mean,
                                            const float* variance, const float* gamma,
                                            const float* beta, float* y) {
  const int i = models::thread_index();
  if (i >= count) return;
  const int c = i / s.inner % s.c;
  y[i] = (x[i] - mean[c]) / sqrtf(variance[c] + kNormEpsilon) * gamma[c] + beta[c];
}

extern "C" __global__ void model_batch_norm_grad(Planes s, const float* x, const float* mean,
                                                 const float* variance, const float* gamma,
                                                 const float* d_y, float* d_x, float* d_gamma,
                                                 float* d_beta) {
  const int c = blockIdx.x, each = s.n * s.inner;
  const float inverse = 1 / sqrtf(variance[c] + kNormEpsilon);
  float sum = 0, dot = 0;
  for (int i = threadIdx.x; i < each; i += blockDim.x) {
    const int at = in_channel(s, c, i);
    sum += d_y[at];
    dot += d_y[at] * (x[at] - mean[c]) * inverse;
  }
  sum = group_sum(sum);
  dot = group_sum(dot);
  for (int i = threadIdx.x; i < each; i += blockDim.x) {
    const int at = in_channel(s, c, i);
    const float normal = (x[at] - mean[c]) * inverse;
    d_x[at] = gamma[c] * inverse * (d_y[at] - (sum + normal * dot) / static_cast<float>(each));
  }
  if (threadIdx.x != 0) return;
  d_gamma[c] = dot;
  d_beta[c] = sum;
}

namespace {

// Mean and 1 / deviation of the workgroup's row.
__device__ float2 row_stats(int columns, const float* x) {
  float sum = 0, squares = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) sum += x[i];
  const float mean = group_sum(sum) / static_cast<float>(columns);
  for (int i = threadIdx.x; i < columns; i += blockDim.x) squares += (x[i] - mean) * (x[i] - mean);
  const float variance = group_sum(squares) / static_cast<float>(columns);
  return {mean, 1 / sqrtf(variance + kNormEpsilon)};
}

}  // namespace

extern "C" __global__ void model_layer_norm(int columns, const float* x, const float* gamma,
                                            const float* beta, float* y) {
  x += blockIdx.x * columns;
  y += blockIdx.x * columns;
  const float2 stats = row_stats(columns, x);
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    y[i] = (x[i] - stats.x) * stats.y * gamma[i] + beta[i];
}

// Of x, and beside it what each number of the row adds to gamma's gradient.
extern "C" __global__ void model_layer_norm_grad(int columns, const float* x, const float* gamma,
                                                 const float* d_y, float* d_x, float* products) {
  x += blockIdx.x * columns;
  d_y += blockIdx.x * columns;
  d_x += blockIdx.x * columns;
  products += blockIdx.x * columns;
  const float2 stats = row_stats(columns, x);
  float sum = 0, dot = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) {
    const float normal = (x[i] - stats.x) * stats.y;
    products[i] = d_y[i] * normal;
    sum += d_y[i] * gamma[i];
    dot += d_y[i] * gamma[i] * normal;
  }
  sum = group_sum(sum);
  dot = group_sum(dot);
  for (int i = threadIdx.x; i < columns; i += blockDim.x) {
    const float normal = (x[i] - stats.x) * stats.y;
    d_x[i] = stats.y * (d_y[i] * gamma[i] - (sum + normal * dot) / static_cast<float>(columns));
  }
}

extern "C" __global__ void model_softmax(int columns, const float* x, float* y) {
  x += blockIdx.x * columns;
  y += blockIdx.x * columns;
  float most = -INFINITY, sum = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) most = fmaxf(most, x[i]);
  most = group_max(most);
  for (int i = threadIdx.x; i < columns; i += blockDim.x) {
    y[i] = expf(x[i] - most);
    sum += y[i];
  }
  sum = group_sum(sum);
  for (int i = threadIdx.x; i < columns; i += blockDim.x) y[i] /= sum;
}

extern "C" __global__ void model_softmax_grad(int columns, const float* y, const float* d_y,
                                              float* d_x) {
  y += blockIdx.x * columns;
  d_y += blockIdx.x * columns;
  d_x += blockIdx.x * columns;
  float dot = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) dot += y[i] * d_y[i];
  dot = group_sum(dot);
  for (int i = threadIdx.x; i < columns; i += blockDim.x) d_x[i] = y[i] * (d_y[i] - dot);
}

// d_x holds the softmax on entry, its gradient after; one workgroup for all.
extern "C" __global__ void model_cross_entropy(int rows, int columns, const float* labels,
                                               float* loss, float* d_x) {
  float sum = 0;
  for (int row = threadIdx.x; row < rows; row += blockDim.x)
    sum -= logf(d_x[row * columns + static_cast<int>(labels[row])]);
  sum = group_sum(sum);
  if (threadIdx.x == 0) loss[0] = sum / static_cast<float>(rows);
  for (int i = threadIdx.x; i < rows * columns; i += blockDim.x) {
    const float one = static_cast<int>(labels[i / columns]) == i % columns ? 1.0f : 0.0f;
    d_x[i] = (d_x[i] - one) / static_cast<float>(rows);
  }
}

namespace models {

void Gpu::bias_grad(const Planes& s, const Array& d_y, Array& d_b) {
  LAUNCH_GROUPS(model_bias_grad, s.c, s, in(d_y), out(d_b));
}

void Gpu::scale_rows_grad(int rows, const Array& d_y, const Array& x, Array& d_f) {
  LAUNCH_GROUPS(model_scale_rows_grad, rows, static_cast<int>(x.count) / rows, in(d_y), in(x),
                out(d_f));
}

void Gpu::batch_stats(const Planes& s, const Array& x, Array& mean, Array& variance) {
  LAUNCH_GROUPS(model_batch_stats, s.c, s, in(x), out(mean), out(variance));
}

void Gpu::batch_norm(const Planes& s, const Array& x, const Array& mean, const Array& variance,
                     const Array& gamma, const Array& beta, Array& y) {
  LAUNCH_EACH(model_batch_norm, x.count, s, in(x), in(mean), in(variance), in(gamma), in(beta),
              out(y));
}

void Gpu::batch_norm_grad(const Planes& s, const Array& x, const Array& mean, const Array& variance,
                          const Array& gamma, const Array& d_y, Array& d_x, Array& d_gamma,
                          Array& d_beta) {
  LAUNCH_GROUPS(model_batch_norm_grad, s.c, s, in(x), in(mean), in(variance), in(gamma), in(d_y),
                out(d_x), out(d_gamma), out(d_beta));
}

void Gpu::layer_norm(int rows, const Array& x, const Array& gamma, const Array& beta, Array& y) {
  LAUNCH_GROUPS(model_layer_norm, rows, static_cast<int>(x.count) / rows, in(x), in(gamma),
                in(beta), out(y));
}

void Gpu::layer_norm_grad(int rows, const Array& x, const Array& gamma, const Array& d_y,
                          Array& d_x, Array& d_gamma, Array& d_beta) {
  const int columns = static_cast<int>(x.count) / rows;
  const ArrayPtr products = allocate(x.count);
  LAUNCH_GROUPS(model_layer_norm_grad, rows, columns, in(x), in(gamma), in(d_y), out(d_x),
                out(*products));
  bias_grad({rows, columns, 1}, *products, d_gamma);
  bias_grad({rows, columns, 1}, d_y, d_beta);
}

void Gpu::softmax(int rows, const Array& x, Array& y) {
  LAUNCH_GROUPS(model_softmax, rows, static_cast<int>(x.count) / rows, in(x), out(y));
}

void Gpu::softmax_grad(int rows, const Array& y, const Array& d_y, Array& d_x) {
  LAUNCH_GROUPS(model_softmax_grad, rows, static_cast<int>(y.count) / rows, in(y), in(d_y),
                out(d_x));
}

void Gpu::cross_entropy(int rows, const Array& x, const Array& labels, Array& loss, Array& d_x) {
  softmax(rows, x, d_x);
  LAUNCH_GROUPS(model_cross_entropy, 1, rows, static_cast<int>(x.count) / rows, in(labels),
                out(loss), out(d_x));
}

}  // namespace models
