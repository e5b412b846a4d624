// SPDX-License-Identifier: Apache-2.0
//
// Vision transformer: patches by a strided convolution, a class token and
// positions that are learned, encoder layers, a head over all tokens.
#include "models.h"

namespace models {

Value vit_b_16(Net& net, const Value& x) {
  constexpr int kWidth = 32, kPatch = 8;
  const int n = x.shape().n;
  const Value patches = net.bias(net.conv(x, kWidth, kPatch, kPatch, 0));
  const int count = patches.shape().h * patches.shape().w;
  // {n, width, h, w} -> {n, tokens, 1, width}, so that the class token is one channel more.
  const Value tokens = net.permute(net.reshape(patches, {n, kWidth, count, 1}), {0, 2, 3, 1});
  Value y = net.concat({net.learned(n, {1, 1, 1, kWidth}), tokens});
  y = net.add(y, net.learned(n, {1, count + 1, 1, kWidth}));
  y = net.reshape(y, {n, 1, count + 1, kWidth});
  for (int layer = 0; layer < 2; layer++) y = net.encoder_layer(y, 4, 64);
  return net.linear(net.flatten(net.layer_norm(y)), kClasses);
}

}  // namespace models
