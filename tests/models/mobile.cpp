// SPDX-License-Identifier: Apache-2.0
//
// Inverted residuals around depthwise convolutions: MobileNetV2, and
// EfficientNet with squeeze and excitation.
#include "models.h"

namespace models {
namespace {

struct Stage {
  int expand, channels, stride, kernel;
};

Value squeeze_excite(Net& net, const Value& x, int squeezed) {
  Value factors = net.flatten(net.global_mean(x));
  factors = net.unary(Unary::kSilu, net.linear(factors, squeezed));
  factors = net.unary(Unary::kSigmoid, net.linear(factors, x.channels()));
  return net.scale_channels(x, factors);
}

Value inverted_residual(Net& net, const Value& x, const Stage& s, Unary activation, bool excite) {
  const int in = x.channels();
  Value y = x;
  if (s.expand != 1) y = net.unary(activation, net.batch_norm(net.conv(y, in * s.expand, 1)));
  y = net.unary(activation, net.batch_norm(net.depthwise(y, s.kernel, s.stride)));
  if (excite) y = squeeze_excite(net, y, in / 2);
  y = net.batch_norm(net.conv(y, s.channels, 1));
  return s.stride == 1 && in == s.channels ? net.add(x, y) : y;
}

Value network(Net& net, const Value& x, const std::vector<Stage>& stages, Unary activation,
              bool excite) {
  Value y = net.unary(activation, net.batch_norm(net.conv(x, 8, 3, 2)));
  for (const Stage& stage : stages) y = inverted_residual(net, y, stage, activation, excite);
  y = net.unary(activation, net.batch_norm(net.conv(y, 48, 1)));
  y = net.dropout(net.flatten(net.global_mean(y)), 0.2f);
  return net.linear(y, kClasses);
}

}  // namespace

Value mobilenet_v2(Net& net, const Value& x) {
  return network(net, x, {{1, 8, 1, 3}, {4, 12, 2, 3}, {4, 12, 1, 3}, {4, 16, 2, 3}}, Unary::kRelu6,
                 false);
}

Value efficientnet_b0(Net& net, const Value& x) {
  return network(net, x, {{1, 8, 1, 3}, {4, 12, 2, 3}, {4, 12, 1, 5}, {4, 16, 2, 5}}, Unary::kSilu,
                 true);
}

}  // namespace models
