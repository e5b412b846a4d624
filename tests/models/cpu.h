// SPDX-License-Identifier: Apache-2.0
//
// The reference: every operator as the loop that defines it, in double.
// Operands and results of half-precision products are rounded to half, as on
// the GPU; everything else is not rounded.
#pragma once

#include "backend.h"

namespace models {

class CpuArray final : public Array {
 public:
  explicit CpuArray(size_t count) : Array(count), values(count) {}
  std::vector<double> values;
};

class Cpu final : public Backend {
 public:
  ArrayPtr allocate(size_t count) override;
  ArrayPtr upload(const std::vector<float>& values) override;
  std::vector<double> download(const Array& x) override;
  void fill(float value, Array& x) override;
  void copy(Strided s, const Array& x, Array& y) override;

  void matmul(const Matmul& s, const Array& a, const Array& b, Array& c) override;
  void conv(const Conv& s, const Array& x, const Array& w, Array& y) override;
  void conv_grad_x(const Conv& s, const Array& d_y, const Array& w, Array& d_x) override;
  void conv_grad_w(const Conv& s, const Array& d_y, const Array& x, Array& d_w) override;
  void attention(int batch, int tokens, int width, const Array& q, const Array& k, const Array& v,
                 Array& y) override;

  void unary(Unary kind, const Array& x, Array& y) override;
  void unary_grad(Unary kind, const Array& x, const Array& d_y, Array& d_x) override;
  void axpby(float a, const Array& x, float b, Array& y) override;
  void add(const Array& x, const Array& y, Array& z) override;
  void bias(const Planes& s, const Array& x, const Array& b, Array& y) override;
  void bias_grad(const Planes& s, const Array& d_y, Array& d_b) override;
  void scale_rows(int rows, const Array& x, const Array& f, Array& y) override;
  void scale_rows_grad(int rows, const Array& d_y, const Array& x, Array& d_f) override;
  void permute(const Permute& s, const Array& x, Array& y) override;
  void dropout(uint32_t seed, float p, const Array& x, Array& y) override;

  void max_pool(const Pool& s, const Array& x, Array& y, Array& index) override;
  void max_pool_grad(const Pool& s, const Array& d_y, const Array& index, Array& d_x) override;
  void mean_pool(const Pool& s, const Array& x, Array& y) override;
  void mean_pool_grad(const Pool& s, const Array& d_y, Array& d_x) override;

  void batch_stats(const Planes& s, const Array& x, Array& mean, Array& variance) override;
  void batch_norm(const Planes& s, const Array& x, const Array& mean, const Array& variance,
                  const Array& gamma, const Array& beta, Array& y) override;
  void batch_norm_grad(const Planes& s, const Array& x, const Array& mean, const Array& variance,
                       const Array& gamma, const Array& d_y, Array& d_x, Array& d_gamma,
                       Array& d_beta) override;
  void layer_norm(int rows, const Array& x, const Array& gamma, const Array& beta,
                  Array& y) override;
  void layer_norm_grad(int rows, const Array& x, const Array& gamma, const Array& d_y, Array& d_x,
                       Array& d_gamma, Array& d_beta) override;
  void softmax(int rows, const Array& x, Array& y) override;
  void softmax_grad(int rows, const Array& y, const Array& d_y, Array& d_x) override;
  void cross_entropy(int rows, const Array& x, const Array& labels, Array& loss,
                     Array& d_x) override;

  void sgd(const Sgd& s, const Array& d_w, Array& momentum, Array& w) override;
  void adam(const Adam& s, int step, const Array& d_w, Array& m, Array& v, Array& w) override;
  bool all_finite(const Array& x) override;
};

inline const std::vector<double>& in(const Array& x) {
  return static_cast<const CpuArray&>(x).values;
}
inline std::vector<double>& out(Array& x) {
  return static_cast<CpuArray&>(x).values;
}

}  // namespace models
