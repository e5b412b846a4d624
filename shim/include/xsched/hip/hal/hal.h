/* SPDX-License-Identifier: Apache-2.0 */
/* Upstream's second name for xsched/hip/hal.h. */
#include "xsched/hip/hal.h"
