// SPDX-License-Identifier: Apache-2.0
//
// The reference's other operators.
#include "cpu.h"

#include <algorithm>
#include <cmath>

namespace models {
namespace {

double apply(Unary kind, double x) {
  switch (kind) {
    case Unary::kRelu:
      return std::max(x, 0.0);
    case Unary::kRelu6:
      return std::min(std::max(x, 0.0), 6.0);
    case Unary::kGelu:
      return 0.5 * x * (1 + std::erf(x * M_SQRT1_2));
    case Unary::kSilu:
      return x / (1 + std::exp(-x));
    case Unary::kSigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return NAN;
}

double slope(Unary kind, double x) {
  const double s = 1 / (1 + std::exp(-x));
  switch (kind) {
    case Unary::kRelu:
      return x > 0 ? 1 : 0;
    case Unary::kRelu6:
      return x > 0 && x < 6 ? 1 : 0;
    case Unary::kGelu:
      return 0.5 * (1 + std::erf(x * M_SQRT1_2)) + x * std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
    case Unary::kSilu:
      return s * (1 + x * (1 - s));
    case Unary::kSigmoid:
      return s * (1 - s);
  }
  return NAN;
}

// Calls visit(window, where in its plane) for everything inside each window.
template <class Visit>
void for_each_in_windows(const Pool& s, Visit visit) {
  const int oh = s.out_h(), ow = s.out_w();
  for (int window = 0; window < s.planes * oh * ow; window++) {
    const int top = window / ow % oh * s.stride - s.pad, left = window % ow * s.stride - s.pad;
    for (int y = std::max(top, 0); y < std::min(top + s.k, s.h); y++)
      for (int x = std::max(left, 0); x < std::min(left + s.k, s.w); x++)
        visit(window, y * s.w + x);
  }
}

size_t plane_of(const Pool& s, int window) {
  return static_cast<size_t>(window / (s.out_h() * s.out_w())) * s.h * s.w;
}

}  // namespace

std::unique_ptr<Backend> make_cpu() {
  return std::make_unique<Cpu>();
}

ArrayPtr Cpu::allocate(size_t count) {
  auto array = std::make_shared<CpuArray>(count);
  array->values.assign(count, NAN);  // whoever reads what nobody wrote is found out
  return array;
}

ArrayPtr Cpu::upload(const std::vector<float>& values) {
  auto array = std::make_shared<CpuArray>(values.size());
  std::copy(values.begin(), values.end(), array->values.begin());
  return array;
}

std::vector<double> Cpu::download(const Array& x) {
  return in(x);
}

void Cpu::fill(float value, Array& x) {
  out(x).assign(x.count, value);
}

void Cpu::copy(Strided s, const Array& x, Array& y) {
  for (int row = 0; row < s.rows; row++)
    std::copy_n(in(x).begin() + s.offset_x + row * s.stride_x, s.count,
                out(y).begin() + s.offset_y + row * s.stride_y);
}

void Cpu::unary(Unary kind, const Array& x, Array& y) {
  for (size_t i = 0; i < x.count; i++) out(y)[i] = apply(kind, in(x)[i]);
}

void Cpu::unary_grad(Unary kind, const Array& x, const Array& d_y, Array& d_x) {
  for (size_t i = 0; i < x.count; i++) out(d_x)[i] = in(d_y)[i] * slope(kind, in(x)[i]);
}

void Cpu::axpby(float a, const Array& x, float b, Array& y) {
  for (size_t i = 0; i < x.count; i++)
    out(y)[i] = static_cast<double>(a) * in(x)[i] + static_cast<double>(b) * out(y)[i];
}

void Cpu::add(const Array& x, const Array& y, Array& z) {
  for (size_t i = 0; i < x.count; i++) out(z)[i] = in(x)[i] + in(y)[i];
}

void Cpu::bias(const Planes& s, const Array& x, const Array& b, Array& y) {
  for (int i = 0; i < s.count(); i++) out(y)[i] = in(x)[i] + in(b)[i / s.inner % s.c];
}

void Cpu::bias_grad(const Planes& s, const Array& d_y, Array& d_b) {
  fill(0, d_b);
  for (int i = 0; i < s.count(); i++) out(d_b)[i / s.inner % s.c] += in(d_y)[i];
}

void Cpu::scale_rows(int rows, const Array& x, const Array& f, Array& y) {
  const size_t columns = x.count / rows;
  for (size_t i = 0; i < x.count; i++) out(y)[i] = in(x)[i] * in(f)[i / columns];
}

void Cpu::scale_rows_grad(int rows, const Array& d_y, const Array& x, Array& d_f) {
  const size_t columns = x.count / rows;
  fill(0, d_f);
  for (size_t i = 0; i < x.count; i++) out(d_f)[i / columns] += in(d_y)[i] * in(x)[i];
}

void Cpu::permute(const Permute& s, const Array& x, Array& y) {
  size_t to = 0;
  int at[4];
  const int* d = s.dims;
  const int* o = s.order;
  for (at[o[0]] = 0; at[o[0]] < d[o[0]]; at[o[0]]++)
    for (at[o[1]] = 0; at[o[1]] < d[o[1]]; at[o[1]]++)
      for (at[o[2]] = 0; at[o[2]] < d[o[2]]; at[o[2]]++)
        for (at[o[3]] = 0; at[o[3]] < d[o[3]]; at[o[3]]++)
          out(y)[to++] = in(x)[((at[0] * d[1] + at[1]) * d[2] + at[2]) * d[3] + at[3]];
}

void Cpu::dropout(uint32_t seed, float p, const Array& x, Array& y) {
  for (size_t i = 0; i < x.count; i++)
    out(y)[i] = dropout_keeps(seed, static_cast<uint32_t>(i), p) ? in(x)[i] / (1.0 - p) : 0;
}

void Cpu::max_pool(const Pool& s, const Array& x, Array& y, Array& index) {
  fill(-INFINITY, y);
  for_each_in_windows(s, [&](int window, int at) {
    const double value = in(x)[plane_of(s, window) + at];
    if (value <= out(y)[window]) return;
    out(y)[window] = value;
    out(index)[window] = at;
  });
}

void Cpu::max_pool_grad(const Pool& s, const Array& d_y, const Array& index, Array& d_x) {
  fill(0, d_x);
  for (size_t window = 0; window < d_y.count; window++)
    out(d_x)[plane_of(s, static_cast<int>(window)) + static_cast<size_t>(in(index)[window])] +=
        in(d_y)[window];
}

void Cpu::mean_pool(const Pool& s, const Array& x, Array& y) {
  fill(0, y);
  for_each_in_windows(s, [&](int window, int at) {
    out(y)[window] += in(x)[plane_of(s, window) + at] / (s.k * s.k);
  });
}

void Cpu::mean_pool_grad(const Pool& s, const Array& d_y, Array& d_x) {
  fill(0, d_x);
  for_each_in_windows(s, [&](int window, int at) {
    out(d_x)[plane_of(s, window) + at] += in(d_y)[window] / (s.k * s.k);
  });
}

void Cpu::batch_stats(const Planes& s, const Array& x, Array& mean, Array& variance) {
  const double each = s.n * s.inner;
  fill(0, mean);
  fill(0, variance);
  for (int i = 0; i < s.count(); i++) out(mean)[i / s.inner % s.c] += in(x)[i] / each;
  for (int i = 0; i < s.count(); i++) {
    const double off = in(x)[i] - in(mean)[i / s.inner % s.c];
    out(variance)[i / s.inner % s.c] += off * off / each;
  }
}

void Cpu::batch_norm(const Planes& s, const Array& x, const Array& mean, const Array& variance,
                     const Array& gamma, const Array& beta, Array& y) {
  for (int i = 0; i < s.count(); i++) {
    const int c = i / s.inner % s.c;
    out(y)[i] =
        (in(x)[i] - in(mean)[c]) / std::sqrt(in(variance)[c] + kNormEpsilon) * in(gamma)[c] +
        in(beta)[c];
  }
}

void Cpu::batch_norm_grad(const Planes& s, const Array& x, const Array& mean, const Array& variance,
                          const Array& gamma, const Array& d_y, Array& d_x, Array& d_gamma,
                          Array& d_beta) {
  const double each = s.n * s.inner;
  const auto normal = [&](int i) {
    const int c = i / s.inner % s.c;
    return (in(x)[i] - in(mean)[c]) / std::sqrt(in(variance)[c] + kNormEpsilon);
  };
  fill(0, d_gamma);
  fill(0, d_beta);
  for (int i = 0; i < s.count(); i++) {
    out(d_gamma)[i / s.inner % s.c] += in(d_y)[i] * normal(i);
    out(d_beta)[i / s.inner % s.c] += in(d_y)[i];
  }
  for (int i = 0; i < s.count(); i++) {
    const int c = i / s.inner % s.c;
    out(d_x)[i] = in(gamma)[c] / std::sqrt(in(variance)[c] + kNormEpsilon) *
                  (in(d_y)[i] - in(d_beta)[c] / each - normal(i) * in(d_gamma)[c] / each);
  }
}

void Cpu::layer_norm(int rows, const Array& x, const Array& gamma, const Array& beta, Array& y) {
  const int columns = static_cast<int>(x.count) / rows;
  for (int row = 0; row < rows; row++) {
    const double* from = in(x).data() + row * columns;
    double mean = 0, variance = 0;
    for (int i = 0; i < columns; i++) mean += from[i] / columns;
    for (int i = 0; i < columns; i++) variance += (from[i] - mean) * (from[i] - mean) / columns;
    for (int i = 0; i < columns; i++)
      out(y)[row * columns + i] =
          (from[i] - mean) / std::sqrt(variance + kNormEpsilon) * in(gamma)[i] + in(beta)[i];
  }
}

void Cpu::layer_norm_grad(int rows, const Array& x, const Array& gamma, const Array& d_y,
                          Array& d_x, Array& d_gamma, Array& d_beta) {
  const int columns = static_cast<int>(x.count) / rows;
  fill(0, d_gamma);
  fill(0, d_beta);
  for (int row = 0; row < rows; row++) {
    const double* from = in(x).data() + row * columns;
    const double* gradient = in(d_y).data() + row * columns;
    double mean = 0, variance = 0, sum = 0, dot = 0;
    for (int i = 0; i < columns; i++) mean += from[i] / columns;
    for (int i = 0; i < columns; i++) variance += (from[i] - mean) * (from[i] - mean) / columns;
    const double inverse = 1 / std::sqrt(variance + kNormEpsilon);
    for (int i = 0; i < columns; i++) {
      const double normal = (from[i] - mean) * inverse;
      out(d_gamma)[i] += gradient[i] * normal;
      out(d_beta)[i] += gradient[i];
      sum += gradient[i] * in(gamma)[i];
      dot += gradient[i] * in(gamma)[i] * normal;
    }
    for (int i = 0; i < columns; i++)
      out(d_x)[row * columns + i] = inverse * (gradient[i] * in(gamma)[i] - sum / columns -
                                               (from[i] - mean) * inverse * dot / columns);
  }
}

void Cpu::softmax(int rows, const Array& x, Array& y) {
  const size_t columns = x.count / rows;
  for (int row = 0; row < rows; row++) {
    const double* from = in(x).data() + row * columns;
    const double most = *std::max_element(from, from + columns);
    double sum = 0;
    for (size_t i = 0; i < columns; i++) sum += std::exp(from[i] - most);
    for (size_t i = 0; i < columns; i++) out(y)[row * columns + i] = std::exp(from[i] - most) / sum;
  }
}

void Cpu::softmax_grad(int rows, const Array& y, const Array& d_y, Array& d_x) {
  const size_t columns = y.count / rows;
  for (int row = 0; row < rows; row++) {
    double dot = 0;
    for (size_t i = row * columns; i < (row + 1) * columns; i++) dot += in(y)[i] * in(d_y)[i];
    for (size_t i = row * columns; i < (row + 1) * columns; i++)
      out(d_x)[i] = in(y)[i] * (in(d_y)[i] - dot);
  }
}

void Cpu::cross_entropy(int rows, const Array& x, const Array& labels, Array& loss, Array& d_x) {
  const size_t columns = x.count / rows;
  softmax(rows, x, d_x);
  fill(0, loss);
  for (int row = 0; row < rows; row++) {
    const size_t right = row * columns + static_cast<size_t>(in(labels)[row]);
    out(loss)[0] -= std::log(out(d_x)[right]) / rows;
    out(d_x)[right] -= 1;
  }
  for (double& value : out(d_x)) value /= rows;
}

void Cpu::sgd(const Sgd& s, const Array& d_w, Array& momentum, Array& w) {
  for (size_t i = 0; i < w.count; i++) {
    out(momentum)[i] = s.momentum * out(momentum)[i] + in(d_w)[i] + s.decay * out(w)[i];
    out(w)[i] -= s.rate * out(momentum)[i];
  }
}

void Cpu::adam(const Adam& s, int step, const Array& d_w, Array& m, Array& v, Array& w) {
  for (size_t i = 0; i < w.count; i++) {
    const double g = in(d_w)[i];
    out(m)[i] = s.beta1 * out(m)[i] + (1.0 - s.beta1) * g;
    out(v)[i] = s.beta2 * out(v)[i] + (1.0 - s.beta2) * g * g;
    const double first = out(m)[i] / (1 - std::pow(s.beta1, step));
    const double second = out(v)[i] / (1 - std::pow(s.beta2, step));
    out(w)[i] -= s.rate * first / (std::sqrt(second) + s.epsilon);
  }
}

bool Cpu::all_finite(const Array& x) {
  return std::all_of(in(x).begin(), in(x).end(), [](double value) { return std::isfinite(value); });
}

}  // namespace models
