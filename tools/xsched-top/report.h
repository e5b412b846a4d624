// SPDX-License-Identifier: Apache-2.0
//
// One look as text, for people (--once) and for programs (--json).
#pragma once

#include <string>

#include "model.h"
#include "order.h"

namespace xsched::top {

// Unknown is null. tests/node/xsched_top.schema.json describes it.
std::string json_report(const Model& model, const Order& order);
std::string text_report(const Model& model, const Order& order);

}  // namespace xsched::top
