// SPDX-License-Identifier: Apache-2.0
//
// Convolutions in a row and a head of wide linear layers.
#include "models.h"

namespace models {
namespace {

Value conv_relu(Net& net, const Value& x, int channels, int kernel, int stride = 1) {
  return net.relu(net.bias(net.conv(x, channels, kernel, stride)));
}

Value head(Net& net, const Value& x, int width) {
  Value y = net.flatten(x);
  for (int layer = 0; layer < 2; layer++) y = net.dropout(net.relu(net.linear(y, width)), 0.5f);
  return net.linear(y, kClasses);
}

}  // namespace

Value vgg16(Net& net, const Value& x) {
  Value y = x;
  int layers = 2;
  for (const int channels : {8, 12, 16}) {
    for (int layer = 0; layer < layers; layer++) y = conv_relu(net, y, channels, 3);
    y = net.max_pool(y, 2, 2);
    layers = channels == 8 ? 2 : 3;
  }
  return head(net, y, 64);
}

Value alexnet(Net& net, const Value& x) {
  Value y = net.max_pool(conv_relu(net, x, 8, 11, 2), 3, 2);
  y = net.max_pool(conv_relu(net, y, 16, 5), 3, 2);
  y = conv_relu(net, y, 24, 3);
  y = conv_relu(net, y, 16, 3);
  y = conv_relu(net, y, 16, 3);
  return head(net, y, 64);
}

}  // namespace models
