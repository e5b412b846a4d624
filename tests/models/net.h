// SPDX-License-Identifier: Apache-2.0
//
// What the models are written with: values, layers with their parameters, and
// a tape for the backward pass.
//
// A model is a function that is called once a pass. Layers make their
// parameters in the first pass and meet them again, in the same order, in the
// next ones; `begin` starts a pass.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "backend.h"

namespace models {

// Images are {n, channels, h, w}; sequences {n, 1, tokens, width}; rows {n, 1, 1, width}.
struct Shape {
  int n = 1, c = 1, h = 1, w = 1;
  int count() const { return n * c * h * w; }
  int rows() const { return n * c * h; }
};

struct Node {
  Shape shape;
  ArrayPtr data;
  ArrayPtr grad;  // null until the backward pass reaches it
};

class Value {
 public:
  Value() = default;
  Value(Shape shape, ArrayPtr data)
      : node_(std::make_shared<Node>(Node{shape, std::move(data), nullptr})) {}
  Node* operator->() const { return node_.get(); }
  const Shape& shape() const { return node_->shape; }
  int channels() const { return node_->shape.c; }
  const Array& data() const { return *node_->data; }

 private:
  std::shared_ptr<Node> node_;
};

struct NetOptions {
  bool training = false;
  bool half = false;  // matrix products and convolutions in half precision
};

class Net {
 public:
  Net(Backend& backend, NetOptions options) : backend_(backend), options_(options) {}
  bool training() const { return options_.training; }
  Backend& backend() { return backend_; }

  void begin();
  Value input(Shape shape, const std::vector<float>& values);
  void set_labels(const std::vector<float>& labels) { labels_ = backend_.upload(labels); }

  // Padding defaults to half the kernel. No bias: see bias().
  Value conv(const Value& x, int channels, int kernel, int stride = 1, int pad = -1);
  Value depthwise(const Value& x, int kernel, int stride = 1);
  Value bias(const Value& x);
  Value linear(const Value& x, int width);
  Value matmul(const Value& a, const Value& b, bool transpose_b, float scale = 1);
  Value batch_norm(const Value& x);
  Value layer_norm(const Value& x);
  Value unary(Unary kind, const Value& x);
  Value relu(const Value& x) { return unary(Unary::kRelu, x); }
  Value add(const Value& x, const Value& y);
  Value scale_channels(const Value& x, const Value& factors);
  Value concat(const std::vector<Value>& parts);  // along the channels
  Value max_pool(const Value& x, int kernel, int stride, int pad = 0);
  Value mean_pool(const Value& x, int kernel, int stride);
  Value global_mean(const Value& x) { return mean_pool(x, x.shape().h, 1); }
  Value softmax(const Value& x);
  Value dropout(const Value& x, float p);
  Value permute(const Value& x, std::array<int, 4> order);
  Value reshape(const Value& x, Shape shape);
  Value flatten(const Value& x);
  // Self attention over {n, 1, tokens, width}; `fused`: one kernel, inference only.
  Value attention(const Value& x, int heads, bool fused = false);
  Value encoder_layer(const Value& x, int heads, int hidden);
  // A parameter by itself, the same for all images of a batch: {1, c, h, w} -> {n, c, h, w}.
  Value learned(int n, Shape shape);

  // Adds weight * cross entropy against the labels to the pass's loss.
  void loss(const Value& logits, float weight = 1);
  double loss_value() const;
  void backward(float scale = 1);

  struct Parameter {
    Value value;
    ArrayPtr state[2];  // the optimizer's
  };
  std::vector<Parameter>& parameters() { return parameters_; }

 private:
  struct Running {
    ArrayPtr mean, variance;
  };
  Value parameter(Shape shape, float bound, float centre = 0);
  void accumulate(const Value& x, const ArrayPtr& gradient);
  Value result(Shape shape) { return Value(shape, backend_.allocate(shape.count())); }
  ArrayPtr like(const Value& x) { return backend_.allocate(x.shape().count()); }
  Value conv_with(const Value& x, Conv shape);
  // `step` runs in the backward pass if the value's gradient was wanted.
  void on_backward(const Value& y, std::function<void(const Array& d_y)> step);

  Backend& backend_;
  NetOptions options_;
  std::vector<Parameter> parameters_;
  std::vector<Running> running_;
  size_t next_parameter_ = 0, next_running_ = 0;
  uint32_t dropouts_ = 0;
  ArrayPtr labels_;
  std::vector<std::function<void()>> tape_;
  struct Loss {
    Value logits;
    ArrayPtr value, gradient;
    float weight;
  };
  std::vector<Loss> losses_;
};

// Deterministic numbers in [-bound, bound].
std::vector<float> random_values(uint32_t seed, size_t count, float bound);

}  // namespace models
