// SPDX-License-Identifier: Apache-2.0
//
// Description: one model on the GPU, its results checked against the CPU
// reference and digested on stdout.
//
// usage: models CASE                    checks it
//        models CASE serve RATE COUNT   a request every 1/RATE s, after a line on stdin
//        models CASE steps COUNT        training steps
// With COUNT 0 the last two run until stdin ends.
//        models --list
#include <cstdio>
#include <cstdlib>
#include <string>

#include "models.h"
#include "run.h"

namespace {

using namespace models;

constexpr Shape kImages{2, 3, 32, 32}, kTokens{2, 1, 12, 32};

// In the order of the user's list: 7 kinds, 10 models, 2 trainings, 2 batches.
const Case kCases[] = {
    {.name = "mlp", .model = mlp, .shape = {8, 1, 8, 8}, .graph = true},
    {.name = "cnn", .model = cnn, .shape = {2, 3, 16, 16}},
    {.name = "transformer_encoder", .model = transformer_encoder, .shape = kTokens},
    {.name = "attention", .model = self_attention, .shape = kTokens},
    {.name = "attention_fused", .model = fused_attention, .shape = kTokens},
    {.name = "batched_matmul", .model = batched_matmul, .shape = {3, 2, 24, 36}},
    {.name = "forward_backward_sgd",
     .model = cnn,
     .shape = {4, 3, 16, 16},
     .train = Optimizer::kSgd},
    {.name = "forward_backward_adam",
     .model = transformer_encoder,
     .shape = kTokens,
     .train = Optimizer::kAdam},
    {.name = "mixed_precision",
     .model = cnn,
     .shape = {4, 3, 16, 16},
     .train = Optimizer::kSgd,
     .half = true},
    {.name = "resnet50", .model = resnet50, .shape = kImages},
    {.name = "resnet18", .model = resnet18, .shape = kImages},
    {.name = "mobilenet_v2", .model = mobilenet_v2, .shape = kImages},
    {.name = "efficientnet_b0", .model = efficientnet_b0, .shape = kImages},
    {.name = "vit_b_16", .model = vit_b_16, .shape = kImages},
    {.name = "densenet121", .model = densenet121, .shape = kImages},
    {.name = "vgg16", .model = vgg16, .shape = kImages},
    {.name = "squeezenet", .model = squeezenet, .shape = kImages, .graph = true},
    {.name = "alexnet", .model = alexnet, .shape = {2, 3, 48, 48}},
    {.name = "googlenet", .model = googlenet, .shape = kImages},
    {.name = "googlenet_training",
     .model = googlenet,
     .shape = {2, 3, 64, 64},
     .train = Optimizer::kSgd,
     .steps = 1},
    {.name = "resnet18_training", .model = resnet18, .shape = kImages, .train = Optimizer::kSgd},
    {.name = "mobilenet_v2_training",
     .model = mobilenet_v2,
     .shape = kImages,
     .train = Optimizer::kAdam},
    {.name = "resnet50_batch", .model = resnet50, .shape = {16, 3, 32, 32}},
    {.name = "efficientnet_b0_batch", .model = efficientnet_b0, .shape = {8, 3, 32, 32}},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  if (name == "--list") {
    for (const Case& c : kCases) std::printf("%s\n", c.name);
    return 0;
  }
  const std::string mode = argc > 2 ? argv[2] : "";
  for (const Case& c : kCases) {
    if (name != c.name) continue;
    if (argc == 2) return c.train == Optimizer::kNone ? check_inference(c) : check_training(c);
    if (mode == "serve" && argc == 5) return serve(c, std::atof(argv[3]), std::atoi(argv[4]));
    if (mode == "steps" && argc == 4 && c.train != Optimizer::kNone)
      return train_on(c, std::atoi(argv[3]));
  }
  std::fprintf(stderr, "usage: models --list | CASE [serve RATE COUNT | steps N]\n");
  return 2;
}
