// SPDX-License-Identifier: Apache-2.0
#include "net.h"

#include <cmath>

namespace models {

std::vector<float> random_values(uint32_t seed, size_t count, float bound) {
  std::vector<float> values(count);
  uint32_t state = seed * 2654435761u + 12345u;
  for (float& value : values) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    value = bound * (static_cast<float>(state >> 8) / 8388608.0f - 1.0f);
  }
  return values;
}

void Net::begin() {
  next_parameter_ = next_running_ = 0;
  tape_.clear();
  losses_.clear();
  for (Parameter& p : parameters_) p.value->grad = nullptr;
}

Value Net::input(Shape shape, const std::vector<float>& values) {
  return Value(shape, backend_.upload(values));
}

Value Net::parameter(Shape shape, float bound, float centre) {
  if (next_parameter_ == parameters_.size()) {
    std::vector<float> values =
        random_values(static_cast<uint32_t>(next_parameter_) + 1, shape.count(), bound);
    for (float& value : values) value += centre;
    parameters_.push_back({Value(shape, backend_.upload(values)), {}});
  }
  return parameters_[next_parameter_++].value;
}

void Net::accumulate(const Value& x, const ArrayPtr& gradient) {
  if (!x->grad) {
    x->grad = gradient;
    return;
  }
  // Not in place: several values may hold one gradient.
  ArrayPtr sum = backend_.allocate(gradient->count);
  backend_.add(*x->grad, *gradient, *sum);
  x->grad = sum;
}

void Net::on_backward(const Value& y, std::function<void(const Array&)> step) {
  if (!options_.training) return;
  tape_.push_back([y, step = std::move(step)] {
    if (y->grad) step(*y->grad);
  });
}

Value Net::conv_with(const Value& x, Conv s) {
  s.n = x.shape().n;
  s.c = x.shape().c;
  s.h = x.shape().h;
  s.w = x.shape().w;
  if (s.pad < 0) s.pad = s.k / 2;
  s.half = options_.half && !s.depthwise;
  const int fan_in = (s.depthwise ? 1 : s.c) * s.k * s.k;
  const Value w = parameter({s.out_c, s.depthwise ? 1 : s.c, s.k, s.k},
                            std::sqrt(6.0f / static_cast<float>(fan_in)));
  Value y = result({s.n, s.out_c, s.out_h(), s.out_w()});
  backend_.conv(s, x.data(), w.data(), *y->data);
  on_backward(y, [this, s, x, w](const Array& d_y) {
    ArrayPtr d_x = like(x), d_w = like(w);
    backend_.conv_grad_x(s, d_y, w.data(), *d_x);
    backend_.conv_grad_w(s, d_y, x.data(), *d_w);
    accumulate(x, d_x);
    accumulate(w, d_w);
  });
  return y;
}

Value Net::conv(const Value& x, int channels, int kernel, int stride, int pad) {
  return conv_with(x, {.out_c = channels, .k = kernel, .stride = stride, .pad = pad});
}

Value Net::depthwise(const Value& x, int kernel, int stride) {
  return conv_with(
      x, {.out_c = x.channels(), .k = kernel, .stride = stride, .pad = -1, .depthwise = true});
}

Value Net::bias(const Value& x) {
  // Rows have their bias along the width, images along the channels.
  const Shape& shape = x.shape();
  const Planes s =
      shape.c == 1 ? Planes{shape.rows(), shape.w, 1} : Planes{shape.n, shape.c, shape.h * shape.w};
  const Value b = parameter({1, s.c, 1, 1}, 0.1f);
  Value y = result(shape);
  backend_.bias(s, x.data(), b.data(), *y->data);
  on_backward(y, [this, s, x, b, y](const Array& d_y) {
    ArrayPtr d_b = like(b);
    backend_.bias_grad(s, d_y, *d_b);
    accumulate(b, d_b);
    accumulate(x, y->grad);
  });
  return y;
}

Value Net::linear(const Value& x, int width) {
  const int rows = x.shape().rows(), in = x.shape().w;
  const Value w = parameter({width, 1, 1, in}, std::sqrt(3.0f / static_cast<float>(in)));
  Value y = result({x.shape().n, x.shape().c, x.shape().h, width});
  const bool half = options_.half;
  backend_.matmul({.m = rows, .n = width, .k = in, .transpose_b = true, .half = half}, x.data(),
                  w.data(), *y->data);
  on_backward(y, [this, rows, in, width, half, x, w](const Array& d_y) {
    ArrayPtr d_x = like(x), d_w = like(w);
    backend_.matmul({.m = rows, .n = in, .k = width, .half = half}, d_y, w.data(), *d_x);
    backend_.matmul({.m = width, .n = in, .k = rows, .transpose_a = true, .half = half}, d_y,
                    x.data(), *d_w);
    accumulate(x, d_x);
    accumulate(w, d_w);
  });
  return bias(y);
}

Value Net::matmul(const Value& a, const Value& b, bool transpose_b, float scale) {
  const Shape &sa = a.shape(), &sb = b.shape();
  const int batch = sa.n * sa.c, m = sa.h, k = sa.w, n = transpose_b ? sb.h : sb.w;
  const bool half = options_.half;
  Value y = result({sa.n, sa.c, m, n});
  backend_.matmul({.batch = batch,
                   .m = m,
                   .n = n,
                   .k = k,
                   .transpose_b = transpose_b,
                   .half = half,
                   .alpha = scale},
                  a.data(), b.data(), *y->data);
  on_backward(y, [this, batch, m, n, k, transpose_b, half, scale, a, b](const Array& d_y) {
    ArrayPtr d_a = like(a), d_b = like(b);
    backend_.matmul({.batch = batch,
                     .m = m,
                     .n = k,
                     .k = n,
                     .transpose_b = !transpose_b,
                     .half = half,
                     .alpha = scale},
                    d_y, b.data(), *d_a);
    if (transpose_b)
      backend_.matmul({.batch = batch,
                       .m = n,
                       .n = k,
                       .k = m,
                       .transpose_a = true,
                       .half = half,
                       .alpha = scale},
                      d_y, a.data(), *d_b);
    else
      backend_.matmul({.batch = batch,
                       .m = k,
                       .n = n,
                       .k = m,
                       .transpose_a = true,
                       .half = half,
                       .alpha = scale},
                      a.data(), d_y, *d_b);
    accumulate(a, d_a);
    accumulate(b, d_b);
  });
  return y;
}

Value Net::batch_norm(const Value& x) {
  const Shape& shape = x.shape();
  const Planes s{shape.n, shape.c, shape.h * shape.w};
  const Value gamma = parameter({1, s.c, 1, 1}, 0.2f, 1.0f);
  const Value beta = parameter({1, s.c, 1, 1}, 0.1f);
  if (next_running_ == running_.size()) {
    const auto seed = static_cast<uint32_t>(next_running_);
    std::vector<float> variance = random_values(seed + 2000, s.c, 0.3f);
    for (float& value : variance) value += 1.0f;
    running_.push_back(
        {backend_.upload(random_values(seed + 1000, s.c, 0.1f)), backend_.upload(variance)});
  }
  const Running& running = running_[next_running_++];
  Value y = result(shape);
  if (!options_.training) {
    backend_.batch_norm(s, x.data(), *running.mean, *running.variance, gamma.data(), beta.data(),
                        *y->data);
    return y;
  }
  ArrayPtr mean = backend_.allocate(s.c), variance = backend_.allocate(s.c);
  backend_.batch_stats(s, x.data(), *mean, *variance);
  backend_.axpby(0.1f, *mean, 0.9f, *running.mean);
  backend_.axpby(0.1f, *variance, 0.9f, *running.variance);
  backend_.batch_norm(s, x.data(), *mean, *variance, gamma.data(), beta.data(), *y->data);
  on_backward(y, [this, s, x, mean, variance, gamma, beta](const Array& d_y) {
    ArrayPtr d_x = like(x), d_gamma = like(gamma), d_beta = like(beta);
    backend_.batch_norm_grad(s, x.data(), *mean, *variance, gamma.data(), d_y, *d_x, *d_gamma,
                             *d_beta);
    accumulate(x, d_x);
    accumulate(gamma, d_gamma);
    accumulate(beta, d_beta);
  });
  return y;
}

Value Net::layer_norm(const Value& x) {
  const Value gamma = parameter({1, 1, 1, x.shape().w}, 0.2f, 1.0f);
  const Value beta = parameter({1, 1, 1, x.shape().w}, 0.1f);
  const int rows = x.shape().rows();
  Value y = result(x.shape());
  backend_.layer_norm(rows, x.data(), gamma.data(), beta.data(), *y->data);
  on_backward(y, [this, rows, x, gamma, beta](const Array& d_y) {
    ArrayPtr d_x = like(x), d_gamma = like(gamma), d_beta = like(beta);
    backend_.layer_norm_grad(rows, x.data(), gamma.data(), d_y, *d_x, *d_gamma, *d_beta);
    accumulate(x, d_x);
    accumulate(gamma, d_gamma);
    accumulate(beta, d_beta);
  });
  return y;
}

Value Net::unary(Unary kind, const Value& x) {
  Value y = result(x.shape());
  backend_.unary(kind, x.data(), *y->data);
  on_backward(y, [this, kind, x](const Array& d_y) {
    ArrayPtr d_x = like(x);
    backend_.unary_grad(kind, x.data(), d_y, *d_x);
    accumulate(x, d_x);
  });
  return y;
}

Value Net::add(const Value& x, const Value& y) {
  Value z = result(x.shape());
  backend_.add(x.data(), y.data(), *z->data);
  on_backward(z, [this, x, y, z](const Array&) {
    accumulate(x, z->grad);
    accumulate(y, z->grad);
  });
  return z;
}

Value Net::scale_channels(const Value& x, const Value& factors) {
  const int rows = x.shape().n * x.shape().c;
  Value y = result(x.shape());
  backend_.scale_rows(rows, x.data(), factors.data(), *y->data);
  on_backward(y, [this, rows, x, factors](const Array& d_y) {
    ArrayPtr d_x = like(x), d_f = like(factors);
    backend_.scale_rows(rows, d_y, factors.data(), *d_x);
    backend_.scale_rows_grad(rows, d_y, x.data(), *d_f);
    accumulate(x, d_x);
    accumulate(factors, d_f);
  });
  return y;
}

Value Net::concat(const std::vector<Value>& parts) {
  Shape shape = parts[0].shape();
  shape.c = 0;
  for (const Value& part : parts) shape.c += part.channels();
  const int plane = shape.h * shape.w, whole = shape.c * plane;
  Value y = result(shape);
  int at = 0;
  for (const Value& part : parts) {
    const int size = part.channels() * plane;
    backend_.copy({shape.n, size, 0, size, at, whole}, part.data(), *y->data);
    at += size;
  }
  on_backward(y, [this, parts, shape, plane, whole](const Array& d_y) {
    int from = 0;
    for (const Value& part : parts) {
      const int size = part.channels() * plane;
      ArrayPtr d_x = like(part);
      backend_.copy({shape.n, size, from, whole, 0, size}, d_y, *d_x);
      accumulate(part, d_x);
      from += size;
    }
  });
  return y;
}

Value Net::max_pool(const Value& x, int kernel, int stride, int pad) {
  const Shape& shape = x.shape();
  const Pool s{shape.n * shape.c, shape.h, shape.w, kernel, stride, pad};
  Value y = result({shape.n, shape.c, s.out_h(), s.out_w()});
  ArrayPtr index = like(y);
  backend_.max_pool(s, x.data(), *y->data, *index);
  on_backward(y, [this, s, x, index](const Array& d_y) {
    ArrayPtr d_x = like(x);
    backend_.max_pool_grad(s, d_y, *index, *d_x);
    accumulate(x, d_x);
  });
  return y;
}

Value Net::mean_pool(const Value& x, int kernel, int stride) {
  const Shape& shape = x.shape();
  const Pool s{shape.n * shape.c, shape.h, shape.w, kernel, stride, 0};
  Value y = result({shape.n, shape.c, s.out_h(), s.out_w()});
  backend_.mean_pool(s, x.data(), *y->data);
  on_backward(y, [this, s, x](const Array& d_y) {
    ArrayPtr d_x = like(x);
    backend_.mean_pool_grad(s, d_y, *d_x);
    accumulate(x, d_x);
  });
  return y;
}

Value Net::softmax(const Value& x) {
  const int rows = x.shape().rows();
  Value y = result(x.shape());
  backend_.softmax(rows, x.data(), *y->data);
  on_backward(y, [this, rows, x, data = y->data](const Array& d_y) {
    ArrayPtr d_x = like(x);
    backend_.softmax_grad(rows, *data, d_y, *d_x);
    accumulate(x, d_x);
  });
  return y;
}

Value Net::dropout(const Value& x, float p) {
  if (!options_.training) return x;
  const uint32_t seed = ++dropouts_ * 7919u;
  Value y = result(x.shape());
  backend_.dropout(seed, p, x.data(), *y->data);
  on_backward(y, [this, seed, p, x](const Array& d_y) {
    ArrayPtr d_x = like(x);
    backend_.dropout(seed, p, d_y, *d_x);
    accumulate(x, d_x);
  });
  return y;
}

Value Net::permute(const Value& x, std::array<int, 4> order) {
  const Shape& shape = x.shape();
  Permute s{{shape.n, shape.c, shape.h, shape.w}, {order[0], order[1], order[2], order[3]}};
  Permute back{{}, {}};
  for (int i = 0; i < 4; i++) {
    back.dims[i] = s.dims[order[i]];
    back.order[order[i]] = i;
  }
  Value y = result({back.dims[0], back.dims[1], back.dims[2], back.dims[3]});
  backend_.permute(s, x.data(), *y->data);
  on_backward(y, [this, back, x](const Array& d_y) {
    ArrayPtr d_x = like(x);
    backend_.permute(back, d_y, *d_x);
    accumulate(x, d_x);
  });
  return y;
}

Value Net::reshape(const Value& x, Shape shape) {
  Value y(shape, x->data);
  on_backward(y, [this, x, y](const Array&) { accumulate(x, y->grad); });
  return y;
}

Value Net::flatten(const Value& x) {
  return reshape(x, {x.shape().n, 1, 1, x.shape().count() / x.shape().n});
}

Value Net::attention(const Value& x, int heads, bool fused) {
  const Shape s = x.shape();
  const int width = s.w / heads;
  // {n, tokens, heads, width} -> {n, heads, tokens, width}
  const auto split = [&](const Value& y) {
    return permute(reshape(y, {s.n, s.h, heads, width}), {0, 2, 1, 3});
  };
  const Value q = split(linear(x, s.w)), k = split(linear(x, s.w)), v = split(linear(x, s.w));
  Value mixed;
  if (fused) {
    mixed = result(q.shape());
    backend_.attention(s.n * heads, s.h, width, q.data(), k.data(), v.data(), *mixed->data);
  } else {
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    mixed = matmul(softmax(matmul(q, k, true, scale)), v, false);
  }
  return linear(reshape(permute(mixed, {0, 2, 1, 3}), s), s.w);
}

Value Net::encoder_layer(const Value& x, int heads, int hidden) {
  const Value y = add(x, attention(layer_norm(x), heads));
  const Value wide = unary(Unary::kGelu, linear(layer_norm(y), hidden));
  return add(y, linear(wide, y.shape().w));
}

Value Net::learned(int n, Shape shape) {
  const Value p = parameter(shape, 0.5f);
  const int size = shape.count();
  Value y = result({n, shape.c, shape.h, shape.w});
  backend_.copy({n, size, 0, 0, 0, size}, p.data(), *y->data);
  on_backward(y, [this, n, size, p](const Array& d_y) {
    ArrayPtr d_p = like(p);
    backend_.bias_grad({n, size, 1}, d_y, *d_p);
    accumulate(p, d_p);
  });
  return y;
}

void Net::loss(const Value& logits, float weight) {
  Loss entry{logits, backend_.allocate(1), like(logits), weight};
  backend_.cross_entropy(logits.shape().rows(), logits.data(), *labels_, *entry.value,
                         *entry.gradient);
  losses_.push_back(std::move(entry));
}

double Net::loss_value() const {
  double sum = 0;
  for (const Loss& entry : losses_) sum += entry.weight * backend_.download(*entry.value)[0];
  return sum;
}

void Net::backward(float scale) {
  for (const Loss& entry : losses_) {
    ArrayPtr gradient = like(entry.logits);
    backend_.fill(0, *gradient);
    backend_.axpby(entry.weight * scale, *entry.gradient, 0, *gradient);
    accumulate(entry.logits, gradient);
  }
  for (size_t i = tape_.size(); i-- > 0;) tape_[i]();
  tape_.clear();
}

}  // namespace models
