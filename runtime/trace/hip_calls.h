// SPDX-License-Identifier: Apache-2.0
//
// The application's HIP calls, from HIP's own tracer callback
// (hipRegisterTracerCallback, ROCm 5.3 and later): nothing of HIP is
// interposed, and without a trace nothing is registered.
#pragma once

#include <cstdint>

namespace xsched {

// Registers with the libamdhip64 that is loaded, wherever it came from, if there
// is a trace; does nothing if there is none, or once that has been done. Control plane.
void trace_hip_calls() noexcept;

// True if a call's record in a HIP of this version has the layout that we were
// built with (both as hipRuntimeGetVersion() gives them).
bool same_call_layout(int runtime_version, int header_version) noexcept;

}  // namespace xsched
