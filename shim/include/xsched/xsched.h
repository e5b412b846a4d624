/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XSched C API: names, types and values are those of XpuOS/xsched, so that
 * programs written for it build unchanged. What a call means here, and what it
 * refuses, stands beside each function and in shim/README.md.
 */
#ifndef XSCHED_XSCHED_H
#define XSCHED_XSCHED_H

#include "xsched/hint.h"
#include "xsched/types.h"
#include "xsched/xqueue.h"

#endif /* XSCHED_XSCHED_H */
