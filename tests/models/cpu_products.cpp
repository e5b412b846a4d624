// SPDX-License-Identifier: Apache-2.0
//
// The reference's matrix products, convolutions and attention.
#include <cmath>

#include "cpu.h"

namespace models {
namespace {

double to_half(double x) {
  return static_cast<double>(static_cast<_Float16>(x));
}

std::vector<double> rounded(const std::vector<double>& values, bool half) {
  std::vector<double> result = values;
  if (half)
    for (double& value : result) value = to_half(value);
  return result;
}

// Calls visit(image, filter, index of y, index of x, index of w) for each
// product that a convolution sums up.
template <class Visit>
void for_each_product(const Conv& s, Visit visit) {
  const int oh = s.out_h(), ow = s.out_w();
  const int depth = s.depthwise ? 1 : s.c;
  for (int n = 0; n < s.n; n++)
    for (int o = 0; o < s.out_c; o++)
      for (int y = 0; y < oh; y++)
        for (int x = 0; x < ow; x++)
          for (int c = 0; c < depth; c++)
            for (int i = 0; i < s.k; i++)
              for (int j = 0; j < s.k; j++) {
                const int from_y = y * s.stride + i - s.pad, from_x = x * s.stride + j - s.pad;
                if (from_y < 0 || from_y >= s.h || from_x < 0 || from_x >= s.w) continue;
                const int channel = s.depthwise ? o : c;
                visit(((n * s.out_c + o) * oh + y) * ow + x,
                      ((n * s.c + channel) * s.h + from_y) * s.w + from_x,
                      ((o * depth + c) * s.k + i) * s.k + j);
              }
}

void round_result(bool half, std::vector<double>& values) {
  if (half)
    for (double& value : values) value = to_half(value);
}

}  // namespace

void Cpu::matmul(const Matmul& s, const Array& a, const Array& b, Array& c) {
  const std::vector<double> left = rounded(in(a), s.half), right = rounded(in(b), s.half);
  std::vector<double>& to = out(c);
  for (int batch = 0; batch < s.batch; batch++) {
    const double* p = left.data() + (s.share_a ? 0 : static_cast<size_t>(batch) * s.m * s.k);
    const double* q = right.data() + (s.share_b ? 0 : static_cast<size_t>(batch) * s.k * s.n);
    double* r = to.data() + static_cast<size_t>(batch) * s.m * s.n;
    for (int i = 0; i < s.m; i++)
      for (int j = 0; j < s.n; j++) {
        double sum = 0;
        for (int k = 0; k < s.k; k++)
          sum += (s.transpose_a ? p[k * s.m + i] : p[i * s.k + k]) *
                 (s.transpose_b ? q[j * s.k + k] : q[k * s.n + j]);
        const double value = s.alpha * sum + (s.accumulate ? r[i * s.n + j] : 0);
        r[i * s.n + j] = s.half ? to_half(value) : value;
      }
  }
}

void Cpu::conv(const Conv& s, const Array& x, const Array& w, Array& y) {
  const std::vector<double> image = rounded(in(x), s.half), weight = rounded(in(w), s.half);
  std::vector<double>& to = out(y);
  to.assign(to.size(), 0);
  for_each_product(s, [&](int iy, int ix, int iw) { to[iy] += image[ix] * weight[iw]; });
  round_result(s.half, to);
}

void Cpu::conv_grad_x(const Conv& s, const Array& d_y, const Array& w, Array& d_x) {
  const std::vector<double> gradient = rounded(in(d_y), s.half), weight = rounded(in(w), s.half);
  std::vector<double>& to = out(d_x);
  to.assign(to.size(), 0);
  for_each_product(s, [&](int iy, int ix, int iw) { to[ix] += gradient[iy] * weight[iw]; });
}

void Cpu::conv_grad_w(const Conv& s, const Array& d_y, const Array& x, Array& d_w) {
  const std::vector<double> gradient = rounded(in(d_y), s.half), image = rounded(in(x), s.half);
  std::vector<double>& to = out(d_w);
  to.assign(to.size(), 0);
  for_each_product(s, [&](int iy, int ix, int iw) { to[iw] += gradient[iy] * image[ix]; });
}

void Cpu::attention(int batch, int tokens, int width, const Array& q, const Array& k,
                    const Array& v, Array& y) {
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  for (int b = 0; b < batch; b++) {
    const size_t base = static_cast<size_t>(b) * tokens * width;
    for (int i = 0; i < tokens; i++) {
      std::vector<double> weight(tokens);
      double sum = 0;
      for (int j = 0; j < tokens; j++) {
        double dot = 0;
        for (int d = 0; d < width; d++)
          dot += in(q)[base + i * width + d] * in(k)[base + j * width + d];
        weight[j] = std::exp(dot * scale);
        sum += weight[j];
      }
      for (int d = 0; d < width; d++) {
        double value = 0;
        for (int j = 0; j < tokens; j++) value += weight[j] * in(v)[base + j * width + d];
        out(y)[base + i * width + d] = value / sum;
      }
    }
  }
}

}  // namespace models
