// SPDX-License-Identifier: Apache-2.0
//
// Residual networks: two 3x3 convolutions a block (18), or a bottleneck (50).
#include "models.h"

namespace models {
namespace {

Value stem(Net& net, const Value& x) {
  const Value y = net.relu(net.batch_norm(net.conv(x, 8, 7, 2)));
  return net.max_pool(y, 3, 2, 1);
}

Value shortcut(Net& net, const Value& x, int channels, int stride) {
  if (stride == 1 && x.channels() == channels) return x;
  return net.batch_norm(net.conv(x, channels, 1, stride, 0));
}

Value basic(Net& net, const Value& x, int channels, int stride) {
  Value y = net.relu(net.batch_norm(net.conv(x, channels, 3, stride)));
  y = net.batch_norm(net.conv(y, channels, 3));
  return net.relu(net.add(y, shortcut(net, x, channels, stride)));
}

Value bottleneck(Net& net, const Value& x, int channels, int stride) {
  Value y = net.relu(net.batch_norm(net.conv(x, channels, 1)));
  y = net.relu(net.batch_norm(net.conv(y, channels, 3, stride)));
  y = net.batch_norm(net.conv(y, 4 * channels, 1));
  return net.relu(net.add(y, shortcut(net, x, 4 * channels, stride)));
}

Value head(Net& net, const Value& x) {
  return net.linear(net.flatten(net.global_mean(x)), kClasses);
}

}  // namespace

Value resnet18(Net& net, const Value& x) {
  Value y = stem(net, x);
  for (const int stage : {0, 1, 2})
    for (const int block : {0, 1}) y = basic(net, y, 8 << stage, stage > 0 && block == 0 ? 2 : 1);
  return head(net, y);
}

Value resnet50(Net& net, const Value& x) {
  Value y = stem(net, x);
  for (const int stage : {0, 1, 2})
    for (const int block : {0, 1})
      y = bottleneck(net, y, 4 << stage, stage > 0 && block == 0 ? 2 : 1);
  return head(net, y);
}

}  // namespace models
