// SPDX-License-Identifier: Apache-2.0
//
// Networks whose branches meet by concatenation: dense blocks, fire modules,
// inception modules with auxiliary heads.
#include "models.h"

namespace models {
namespace {

Value dense_layer(Net& net, const Value& x, int growth) {
  Value y = net.conv(net.relu(net.batch_norm(x)), 2 * growth, 1);
  y = net.conv(net.relu(net.batch_norm(y)), growth, 3);
  return net.concat({x, y});
}

Value conv_relu(Net& net, const Value& x, int channels, int kernel, int stride = 1) {
  return net.relu(net.bias(net.conv(x, channels, kernel, stride)));
}

Value fire(Net& net, const Value& x, int squeeze, int expand) {
  const Value y = conv_relu(net, x, squeeze, 1);
  return net.concat({conv_relu(net, y, expand, 1), conv_relu(net, y, expand, 3)});
}

Value conv_norm_relu(Net& net, const Value& x, int channels, int kernel, int stride = 1) {
  return net.relu(net.batch_norm(net.conv(x, channels, kernel, stride)));
}

Value inception(Net& net, const Value& x, int width) {
  return net.concat({conv_norm_relu(net, x, width, 1),
                     conv_norm_relu(net, conv_norm_relu(net, x, width, 1), width, 3),
                     conv_norm_relu(net, conv_norm_relu(net, x, width / 2, 1), width / 2, 3),
                     conv_norm_relu(net, net.max_pool(x, 3, 1, 1), width / 2, 1)});
}

Value auxiliary_head(Net& net, const Value& x) {
  const Value y = conv_relu(net, net.mean_pool(x, 4, 4), 8, 1);
  return net.linear(net.dropout(net.relu(net.linear(net.flatten(y), 24)), 0.7f), kClasses);
}

}  // namespace

Value densenet121(Net& net, const Value& x) {
  Value y = net.max_pool(net.relu(net.batch_norm(net.conv(x, 8, 7, 2))), 3, 2, 1);
  for (const int block : {0, 1}) {
    for (int layer = 0; layer < 3; layer++) y = dense_layer(net, y, 4);
    if (block == 0)
      y = net.mean_pool(net.conv(net.relu(net.batch_norm(y)), y.channels() / 2, 1), 2, 2);
  }
  y = net.global_mean(net.relu(net.batch_norm(y)));
  return net.linear(net.flatten(y), kClasses);
}

Value squeezenet(Net& net, const Value& x) {
  Value y = net.max_pool(conv_relu(net, x, 8, 3, 2), 3, 2);
  y = fire(net, fire(net, y, 4, 8), 4, 8);
  y = net.max_pool(y, 3, 2);
  y = net.dropout(fire(net, y, 6, 12), 0.5f);
  return net.flatten(net.global_mean(conv_relu(net, y, kClasses, 1)));
}

Value googlenet(Net& net, const Value& x) {
  Value y = net.max_pool(conv_norm_relu(net, x, 8, 7, 2), 3, 2, 1);
  y = inception(net, inception(net, y, 8), 8);
  if (net.training()) net.loss(auxiliary_head(net, y), 0.3f);
  y = inception(net, net.max_pool(y, 3, 2, 1), 12);
  if (net.training()) net.loss(auxiliary_head(net, y), 0.3f);
  y = net.dropout(net.flatten(net.global_mean(inception(net, y, 12))), 0.2f);
  return net.linear(y, kClasses);
}

}  // namespace models
