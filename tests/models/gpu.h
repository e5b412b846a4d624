// SPDX-License-Identifier: Apache-2.0
//
// The operators as HIP kernels, driven the way PyTorch drives a GPU: everything
// on the default stream, memory from a cache of blocks, batches copied from
// pinned memory on a stream of their own.
#pragma once

#include <hip/hip_runtime.h>

#include <map>

#include "backend.h"

namespace models {

class GpuArray;

class Gpu final : public Backend {
 public:
  Gpu();
  ~Gpu() override;

  // One launch for all that `pass` does, as often as wanted. It must have run
  // once before, so that it finds its memory in the cache.
  class Graph {
   public:
    Graph(Gpu& gpu, const std::function<void()>& pass);
    ~Graph();
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;
    void launch();

   private:
    hipStream_t stream_ = nullptr;
    hipGraphExec_t graph_ = nullptr;
  };

  void synchronize();

  ArrayPtr allocate(size_t count) override;
  ArrayPtr upload(const std::vector<float>& values) override;
  std::vector<double> download(const Array& x) override;
  std::vector<float> download_floats(const Array& x);
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

 private:
  friend class GpuArray;
  // Of device memory, from the cache and back to it. What is on the stream
  // runs in order, so a block can have its next user at once.
  void* take(size_t bytes);
  void give(void* block);
  // The operands of a product in half precision.
  std::shared_ptr<void> to_half(const float* x, size_t count);
  void product(const Matmul& s, const float* a, const float* b, float* c, bool round_result);
  // The columns that turn a convolution into a product: [n][c * k * k][out_h * out_w].
  ArrayPtr columns(const Conv& s, const Array& x);

  hipStream_t stream_ = nullptr;  // the default stream, but while a graph is captured
  hipStream_t copies_ = nullptr;
  hipEvent_t copied_ = nullptr, used_ = nullptr;
  float* pinned_ = nullptr;
  size_t pinned_count_ = 0;
  std::multimap<size_t, void*> free_;
  std::map<void*, size_t> sizes_;
};

}  // namespace models
