// SPDX-License-Identifier: Apache-2.0
//
// The factories of the policies in this folder, one a file.
#pragma once

#include <memory>

#include "policy.h"

namespace xsched {

std::unique_ptr<Policy> make_hpf();

}  // namespace xsched
