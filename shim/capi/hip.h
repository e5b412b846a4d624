// SPDX-License-Identifier: Apache-2.0
//
// The few HIP functions that the C API needs, from the copy of HIP that the
// program loaded. Never another copy: that would be a second HIP runtime.
#pragma once

#include <cstdint>

#include "xsched/hip/hal.h"

namespace xsched::capi {

// Finds the XQueue whose hardware queue `stream` submits to, by letting it
// submit a marker on this thread. 0 and the reason in `error` if it cannot be.
uint32_t xqueue_of(hipStream_t stream, XResult& error);

// hipStreamSynchronize.
XResult wait_for(hipStream_t stream);
// hipStreamQuery.
XResult query(hipStream_t stream, XQueueState& state);

}  // namespace xsched::capi
