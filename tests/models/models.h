// SPDX-License-Identifier: Apache-2.0
//
// The models: each is wired as its namesake, with few channels, few blocks and
// small images. They return logits; heads beside the main one add their loss
// themselves when training.
#pragma once

#include "net.h"

namespace models {

constexpr int kClasses = 10;

// simple.cpp
Value mlp(Net& net, const Value& x);
Value cnn(Net& net, const Value& x);
Value transformer_encoder(Net& net, const Value& x);
Value self_attention(Net& net, const Value& x);
Value fused_attention(Net& net, const Value& x);
Value batched_matmul(Net& net, const Value& x);

Value resnet18(Net& net, const Value& x);  // resnet.cpp
Value resnet50(Net& net, const Value& x);
Value mobilenet_v2(Net& net, const Value& x);  // mobile.cpp
Value efficientnet_b0(Net& net, const Value& x);
Value vit_b_16(Net& net, const Value& x);     // vit.cpp
Value densenet121(Net& net, const Value& x);  // branches.cpp
Value squeezenet(Net& net, const Value& x);
Value googlenet(Net& net, const Value& x);
Value vgg16(Net& net, const Value& x);  // plain.cpp
Value alexnet(Net& net, const Value& x);

}  // namespace models
