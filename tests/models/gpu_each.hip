// SPDX-License-Identifier: Apache-2.0
//
// Operators with one thread a number: activations, pools, optimizers, copies
// in another order.
#include "gpu_internal.h"

using models::Adam;
using models::Permute;
using models::Planes;
using models::Pool;
using models::Sgd;
using models::thread_index;
using models::Unary;

namespace {

constexpr float kSqrtHalf = 0.70710678f, kInverseSqrtTau = 0.39894228f;

__device__ float sigmoid(float x) {
  return 1 / (1 + expf(-x));
}

__device__ float apply(Unary kind, float x) {
  switch (kind) {
    case Unary::kRelu:
      return fmaxf(x, 0);
    case Unary::kRelu6:
      return fminf(fmaxf(x, 0), 6);
    case Unary::kGelu:
      return 0.5f * x * (1 + erff(x * kSqrtHalf));
    case Unary::kSilu:
      return x * sigmoid(x);
    case Unary::kSigmoid:
      return sigmoid(x);
  }
  return 0;
}

__device__ float slope(Unary kind, float x) {
  switch (kind) {
    case Unary::kRelu:
      return x > 0 ? 1 : 0;
    case Unary::kRelu6:
      return x > 0 && x < 6 ? 1 : 0;
    case Unary::kGelu:
      return 0.5f * (1 + erff(x * kSqrtHalf)) + x * expf(-0.5f * x * x) * kInverseSqrtTau;
    case Unary::kSilu:
      return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    case Unary::kSigmoid:
      return sigmoid(x) * (1 - sigmoid(x));
  }
  return 0;
}

}  // namespace

extern "C" __global__ void model_unary(int count, Unary kind, const float* x, float* y) {
  const int i = thread_index();
  if (i < count) y[i] = apply(kind, x[i]);
}

extern "C" __global__ void model_unary_grad(int count, Unary kind, const float* x, const float* d_y,
                                            float* d_x) {
  const int i = thread_index();
  if (i < count) d_x[i] = d_y[i] * slope(kind, x[i]);
}

extern "C" __global__ void model_axpby(int count, float a, const float* x, float b, float* y) {
  const int i = thread_index();
  if (i < count) y[i] = a * x[i] + b * y[i];
}

extern "C" __global__ void model_add(int count, const float* x, const float* y, float* z) {
  const int i = thread_index();
  if (i < count) z[i] = x[i] + y[i];
}

extern "C" __global__ void model_bias(int count, Planes s, const float* x, const float* b,
                                      float* y) {
  const int i = thread_index();
  if (i < count) y[i] = x[i] + b[i / s.inner % s.c];
}

extern "C" __global__ void model_scale_rows(int count, int columns, const float* x, const float* f,
                                            float* y) {
  const int i = thread_index();
  if (i < count) y[i] = x[i] * f[i / columns];
}

extern "C" __global__ void model_permute(int count, Permute s, const float* x, float* y) {
  const int i = thread_index();
  if (i >= count) return;
  int at[4], rest = i;
  for (int j = 3; j >= 0; j--) {
    at[s.order[j]] = rest % s.dims[s.order[j]];
    rest /= s.dims[s.order[j]];
  }
  y[i] = x[((at[0] * s.dims[1] + at[1]) * s.dims[2] + at[2]) * s.dims[3] + at[3]];
}

extern "C" __global__ void model_dropout(int count, unsigned seed, float p, const float* x,
                                         float* y) {
  const int i = thread_index();
  if (i < count) y[i] = models::dropout_keeps(seed, i, p) ? x[i] / (1 - p) : 0;
}

extern "C" __global__ void model_max_pool(int count, Pool s, const float* x, float* y,
                                          float* index) {
  const int i = thread_index();
  if (i >= count) return;
  const int oh = s.out_h(), ow = s.out_w();
  const float* plane = x + i / (oh * ow) * s.h * s.w;
  const int top = i / ow % oh * s.stride - s.pad, left = i % ow * s.stride - s.pad;
  float most = -INFINITY;
  int where = 0;
  for (int v = max(top, 0); v < min(top + s.k, s.h); v++)
    for (int u = max(left, 0); u < min(left + s.k, s.w); u++)
      if (plane[v * s.w + u] > most) {
        most = plane[v * s.w + u];
        where = v * s.w + u;
      }
  y[i] = most;
  index[i] = static_cast<float>(where);
}

// The windows that a pixel is in, gathered: no two threads add to one number.
extern "C" __global__ void model_pool_grad(int count, Pool s, const float* d_y, const float* index,
                                           float* d_x) {
  const int i = thread_index();
  if (i >= count) return;
  const int oh = s.out_h(), ow = s.out_w();
  const int x = i % s.w, y = i / s.w % s.h, plane = i / (s.w * s.h);
  float sum = 0;
  for (int v = max(0, (y + s.pad - s.k) / s.stride); v < oh && v * s.stride - s.pad <= y; v++)
    for (int u = max(0, (x + s.pad - s.k) / s.stride); u < ow && u * s.stride - s.pad <= x; u++) {
      if (v * s.stride - s.pad + s.k <= y || u * s.stride - s.pad + s.k <= x) continue;
      const int window = (plane * oh + v) * ow + u;
      // Without an index every pixel of the window has its share of the mean.
      if (index == nullptr)
        sum += d_y[window] / static_cast<float>(s.k * s.k);
      else if (static_cast<int>(index[window]) == y * s.w + x)
        sum += d_y[window];
    }
  d_x[i] = sum;
}

extern "C" __global__ void model_mean_pool(int count, Pool s, const float* x, float* y) {
  const int i = thread_index();
  if (i >= count) return;
  const int oh = s.out_h(), ow = s.out_w();
  const float* plane = x + i / (oh * ow) * s.h * s.w;
  const int top = i / ow % oh * s.stride, left = i % ow * s.stride;
  float sum = 0;
  for (int v = top; v < top + s.k; v++)
    for (int u = left; u < left + s.k; u++) sum += plane[v * s.w + u];
  y[i] = sum / static_cast<float>(s.k * s.k);
}

extern "C" __global__ void model_sgd(int count, Sgd s, const float* d_w, float* momentum,
                                     float* w) {
  const int i = thread_index();
  if (i >= count) return;
  const float step = s.momentum * momentum[i] + d_w[i] + s.decay * w[i];
  momentum[i] = step;
  w[i] -= s.rate * step;
}

extern "C" __global__ void model_adam(int count, Adam s, float scale1, float scale2,
                                      const float* d_w, float* m, float* v, float* w) {
  const int i = thread_index();
  if (i >= count) return;
  const float gradient = d_w[i];
  m[i] = s.beta1 * m[i] + (1 - s.beta1) * gradient;
  v[i] = s.beta2 * v[i] + (1 - s.beta2) * gradient * gradient;
  w[i] -= s.rate * (m[i] * scale1) / (sqrtf(v[i] * scale2) + s.epsilon);
}

extern "C" __global__ void model_find_not_finite(int count, const float* x, unsigned* found) {
  const int i = thread_index();
  if (i < count && !isfinite(x[i])) atomicAdd(found, 1u);
}

namespace models {

void Gpu::unary(Unary kind, const Array& x, Array& y) {
  LAUNCH_EACH(model_unary, x.count, kind, in(x), out(y));
}

void Gpu::unary_grad(Unary kind, const Array& x, const Array& d_y, Array& d_x) {
  LAUNCH_EACH(model_unary_grad, x.count, kind, in(x), in(d_y), out(d_x));
}

void Gpu::axpby(float a, const Array& x, float b, Array& y) {
  LAUNCH_EACH(model_axpby, x.count, a, in(x), b, out(y));
}

void Gpu::add(const Array& x, const Array& y, Array& z) {
  LAUNCH_EACH(model_add, x.count, in(x), in(y), out(z));
}

void Gpu::bias(const Planes& s, const Array& x, const Array& b, Array& y) {
  LAUNCH_EACH(model_bias, x.count, s, in(x), in(b), out(y));
}

void Gpu::scale_rows(int rows, const Array& x, const Array& f, Array& y) {
  LAUNCH_EACH(model_scale_rows, x.count, static_cast<int>(x.count) / rows, in(x), in(f), out(y));
}

void Gpu::permute(const Permute& s, const Array& x, Array& y) {
  LAUNCH_EACH(model_permute, x.count, s, in(x), out(y));
}

void Gpu::dropout(uint32_t seed, float p, const Array& x, Array& y) {
  LAUNCH_EACH(model_dropout, x.count, seed, p, in(x), out(y));
}

void Gpu::max_pool(const Pool& s, const Array& x, Array& y, Array& index) {
  LAUNCH_EACH(model_max_pool, y.count, s, in(x), out(y), out(index));
}

void Gpu::max_pool_grad(const Pool& s, const Array& d_y, const Array& index, Array& d_x) {
  LAUNCH_EACH(model_pool_grad, d_x.count, s, in(d_y), in(index), out(d_x));
}

void Gpu::mean_pool(const Pool& s, const Array& x, Array& y) {
  LAUNCH_EACH(model_mean_pool, y.count, s, in(x), out(y));
}

void Gpu::mean_pool_grad(const Pool& s, const Array& d_y, Array& d_x) {
  LAUNCH_EACH(model_pool_grad, d_x.count, s, in(d_y), nullptr, out(d_x));
}

void Gpu::sgd(const Sgd& s, const Array& d_w, Array& momentum, Array& w) {
  LAUNCH_EACH(model_sgd, w.count, s, in(d_w), out(momentum), out(w));
}

void Gpu::adam(const Adam& s, int step, const Array& d_w, Array& m, Array& v, Array& w) {
  LAUNCH_EACH(model_adam, w.count, s, static_cast<float>(1 / (1 - std::pow(s.beta1, step))),
              static_cast<float>(1 / (1 - std::pow(s.beta2, step))), in(d_w), out(m), out(v),
              out(w));
}

bool Gpu::all_finite(const Array& x) {
  unsigned found = 0;
  auto* counter = static_cast<unsigned*>(take(sizeof(unsigned)));
  CHECK_HIP(hipMemsetAsync(counter, 0, sizeof(unsigned), stream_));
  LAUNCH_EACH(model_find_not_finite, x.count, in(x), counter);
  CHECK_HIP(hipMemcpyWithStream(&found, counter, sizeof(found), hipMemcpyDeviceToHost, stream_));
  give(counter);
  return found == 0;
}

}  // namespace models
