// SPDX-License-Identifier: Apache-2.0
//
// toml++ as it has to be included here: compiled in, and its assertions left
// out. In a release build it makes assumptions of them, and what a broken file
// can violate ("[ #", found by fuzz_config) is then undefined behaviour; in a
// debug build it aborts. Without them it reports an error in both.
#pragma once

#ifdef NDEBUG
#define XSCHED_HAD_NDEBUG
#undef NDEBUG
#endif
#define TOML_HEADER_ONLY 1
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>
#ifdef XSCHED_HAD_NDEBUG
#define NDEBUG
#undef XSCHED_HAD_NDEBUG
#endif
