/* SPDX-License-Identifier: Apache-2.0 */
/* HIP's part of the XSched C API. */
#ifndef XSCHED_HIP_HAL_H
#define XSCHED_HIP_HAL_H

#include "xsched/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The same as in hip/hip_runtime_api.h, which need not be included. */
typedef struct ihipStream_t* hipStream_t;

/*
 * A handle for a stream; a second call for one stream gives the same. The
 * default stream (null) and hipStreamPerThread (of the calling thread) too.
 * kXSchedErrorNotAllowed while the stream is captured, kXSchedErrorNotSupported
 * if its queue is not scheduled (XSCHED_AUTO_XQUEUE is off, ...).
 */
XSCHED_EXPORT_API XResult HipQueueCreate(HwQueueHandle* hwq, hipStream_t stream);

#ifdef __cplusplus
}
#endif

#endif /* XSCHED_HIP_HAL_H */
