// SPDX-License-Identifier: Apache-2.0
//
// What is done with a model: inference, training, serving.
#pragma once

#include "net.h"

namespace models {

enum class Optimizer { kNone, kSgd, kAdam };

struct Case {
  const char* name;
  Value (*model)(Net& net, const Value& x);
  Shape shape;
  Optimizer train = Optimizer::kNone;
  bool half = false;   // mixed precision, with a loss scale that has to come down first
  bool graph = false;  // also as a captured graph
  int steps = 3;       // of a checked training
};

// Results are right within what float rounding explains, and on stdout.
int check_inference(const Case& c);
int check_training(const Case& c);
// `ready`; after a line from stdin a request every 1 / rate seconds, `request I`
// when its result came and was right; without a count until stdin ends.
int serve(const Case& c, double rate, int count);
// `step I LOSS` for each; without a count until stdin ends. Then `result DIGEST`
// of the parameters.
int train_on(const Case& c, int count);

}  // namespace models
