// SPDX-License-Identifier: Apache-2.0
//
// The operators that the models are made of. Two implementations: Gpu, float
// kernels on the device, and Cpu, plain loops in double, which is what the
// results are checked against. They share nothing but this file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace models {

// Numbers where a backend keeps them: float on the GPU, double on the CPU.
class Array {
 public:
  explicit Array(size_t n) : count(n) {}
  virtual ~Array() = default;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  const size_t count;
};
using ArrayPtr = std::shared_ptr<Array>;

enum class Unary { kRelu, kRelu6, kGelu, kSilu, kSigmoid };

// C[batch][m][n] = alpha * op(A) * op(B), plus C if `accumulate`. A is stored
// m x k (k x m if transposed), B k x n; a shared operand has one matrix for
// the whole batch. `half`: operands and result in half precision, sums in float.
struct Matmul {
  int batch = 1, m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  bool share_a = false, share_b = false;
  bool accumulate = false, half = false;
  float alpha = 1;
};

// Images are [n][c][h][w]; weights [out_c][c][k][k], or [c][k][k] if depthwise.
struct Conv {
  int n = 1, c = 0, h = 0, w = 0, out_c = 0, k = 1, stride = 1, pad = 0;
  bool depthwise = false, half = false;
  constexpr int out_h() const { return (h + 2 * pad - k) / stride + 1; }
  constexpr int out_w() const { return (w + 2 * pad - k) / stride + 1; }
};

// Windows over each of `planes` images of h x w.
struct Pool {
  int planes = 0, h = 0, w = 0, k = 1, stride = 1, pad = 0;
  constexpr int out_h() const { return (h + 2 * pad - k) / stride + 1; }
  constexpr int out_w() const { return (w + 2 * pad - k) / stride + 1; }
};

// [n][c][inner], something done for each c.
struct Planes {
  int n = 0, c = 0, inner = 1;
  constexpr int count() const { return n * c * inner; }
};

// `rows` runs of `count` numbers: from x at offset_x + row * stride_x to y alike.
struct Strided {
  int rows = 0, count = 0;
  int offset_x = 0, stride_x = 0, offset_y = 0, stride_y = 0;
};

struct Permute {
  int dims[4];   // of the source
  int order[4];  // dims[order[i]] is dimension i of the result
};

struct Sgd {
  float rate = 0.05f, momentum = 0.9f, decay = 0.0005f;
};

// The epsilon is large enough that a gradient which is zero but for rounding (a
// shift that the next normalization takes away) moves nothing.
struct Adam {
  float rate = 0.002f, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-4f;
};

// Results are last arguments and overwritten unless it says otherwise; `d_x`
// is the gradient of x.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual ArrayPtr allocate(size_t count) = 0;
  virtual ArrayPtr upload(const std::vector<float>& values) = 0;
  virtual std::vector<double> download(const Array& x) = 0;
  virtual void fill(float value, Array& x) = 0;
  virtual void copy(Strided s, const Array& x, Array& y) = 0;

  virtual void matmul(const Matmul& s, const Array& a, const Array& b, Array& c) = 0;
  virtual void conv(const Conv& s, const Array& x, const Array& w, Array& y) = 0;
  virtual void conv_grad_x(const Conv& s, const Array& d_y, const Array& w, Array& d_x) = 0;
  virtual void conv_grad_w(const Conv& s, const Array& d_y, const Array& x, Array& d_w) = 0;
  // softmax(scale * Q K^T) V in one kernel; Q, K, V are [batch][tokens][width].
  virtual void attention(int batch, int tokens, int width, const Array& q, const Array& k,
                         const Array& v, Array& y) = 0;

  virtual void unary(Unary kind, const Array& x, Array& y) = 0;
  virtual void unary_grad(Unary kind, const Array& x, const Array& d_y, Array& d_x) = 0;
  // y = a * x + b * y
  virtual void axpby(float a, const Array& x, float b, Array& y) = 0;
  virtual void add(const Array& x, const Array& y, Array& z) = 0;
  virtual void bias(const Planes& s, const Array& x, const Array& b, Array& y) = 0;
  virtual void bias_grad(const Planes& s, const Array& d_y, Array& d_b) = 0;
  // y[i][j] = x[i][j] * f[i], and d_f[i] = sum over j of d_y[i][j] * x[i][j]
  virtual void scale_rows(int rows, const Array& x, const Array& f, Array& y) = 0;
  virtual void scale_rows_grad(int rows, const Array& d_y, const Array& x, Array& d_f) = 0;
  virtual void permute(const Permute& s, const Array& x, Array& y) = 0;
  // Keeps each number with probability 1 - p, times 1 / (1 - p); which ones
  // follows from the seed, so it is also its own gradient.
  virtual void dropout(uint32_t seed, float p, const Array& x, Array& y) = 0;

  // `index` is where in its image each window's maximum was.
  virtual void max_pool(const Pool& s, const Array& x, Array& y, Array& index) = 0;
  virtual void max_pool_grad(const Pool& s, const Array& d_y, const Array& index, Array& d_x) = 0;
  virtual void mean_pool(const Pool& s, const Array& x, Array& y) = 0;
  virtual void mean_pool_grad(const Pool& s, const Array& d_y, Array& d_x) = 0;

  virtual void batch_stats(const Planes& s, const Array& x, Array& mean, Array& variance) = 0;
  virtual void batch_norm(const Planes& s, const Array& x, const Array& mean, const Array& variance,
                          const Array& gamma, const Array& beta, Array& y) = 0;
  virtual void batch_norm_grad(const Planes& s, const Array& x, const Array& mean,
                               const Array& variance, const Array& gamma, const Array& d_y,
                               Array& d_x, Array& d_gamma, Array& d_beta) = 0;
  virtual void layer_norm(int rows, const Array& x, const Array& gamma, const Array& beta,
                          Array& y) = 0;
  virtual void layer_norm_grad(int rows, const Array& x, const Array& gamma, const Array& d_y,
                               Array& d_x, Array& d_gamma, Array& d_beta) = 0;
  virtual void softmax(int rows, const Array& x, Array& y) = 0;
  virtual void softmax_grad(int rows, const Array& y, const Array& d_y, Array& d_x) = 0;
  // The mean over rows, into loss[0], and its gradient.
  virtual void cross_entropy(int rows, const Array& x, const Array& labels, Array& loss,
                             Array& d_x) = 0;

  virtual void sgd(const Sgd& s, const Array& d_w, Array& momentum, Array& w) = 0;
  virtual void adam(const Adam& s, int step, const Array& d_w, Array& m, Array& v, Array& w) = 0;
  virtual bool all_finite(const Array& x) = 0;
};

constexpr float kNormEpsilon = 1e-5f;

// Which numbers dropout keeps: the same on both sides.
constexpr bool dropout_keeps(uint32_t seed, uint32_t i, float p) {
  uint32_t x = i * 0x9e3779b9u ^ seed;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x ^= x >> 16;
  return static_cast<float>(x >> 8) >= p * 16777216.0f;
}

std::unique_ptr<Backend> make_cpu();

}  // namespace models
