// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* The failure switches of platform_user.h; not part of the kernel module. */
#include "platform_user.h"

__thread int xs_fail_alloc_in = -1;
__thread int xs_fail_copy_in = -1;
__thread bool xs_signalled;
