// SPDX-License-Identifier: Apache-2.0
//
// The plain kinds: perceptron, small CNN, transformer encoder, attention,
// batched matrix products.
#include "models.h"

namespace models {

Value mlp(Net& net, const Value& x) {
  Value y = net.relu(net.linear(net.flatten(x), 96));
  y = net.relu(net.linear(y, 64));
  return net.linear(y, kClasses);
}

Value cnn(Net& net, const Value& x) {
  Value y = net.max_pool(net.relu(net.bias(net.conv(x, 8, 3))), 2, 2);
  y = net.max_pool(net.relu(net.bias(net.conv(y, 16, 3))), 2, 2);
  y = net.relu(net.linear(net.flatten(y), 32));
  return net.linear(y, kClasses);
}

Value transformer_encoder(Net& net, const Value& x) {
  Value y = x;
  for (int layer = 0; layer < 2; layer++) y = net.encoder_layer(y, 4, 64);
  y = net.layer_norm(y);
  return net.linear(net.flatten(y), kClasses);
}

Value self_attention(Net& net, const Value& x) {
  return net.attention(x, 4);
}

Value fused_attention(Net& net, const Value& x) {
  return net.attention(x, 4, true);
}

Value batched_matmul(Net& net, const Value& x) {
  const Shape s = x.shape();
  const Value weights = net.learned(s.n, {1, s.c, s.w, 40});
  const Value y = net.matmul(x, weights, false);  // {n, c, h, 40}
  return net.matmul(y, y, true, 0.25f);           // {n, c, h, h}
}

}  // namespace models
