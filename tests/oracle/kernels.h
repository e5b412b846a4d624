// SPDX-License-Identifier: Apache-2.0
//
// The kernels of random programs. Each has one result whatever the order of
// its workgroups.
#pragma once

#include <hip/hip_runtime.h>

#include <cstdint>

namespace oracle {

inline constexpr uint32_t kWords = 512;  // of every buffer
inline constexpr uint32_t kThreads = 128;
inline constexpr uint32_t kGroups = kWords / kThreads;

// The symbol of 64 words of device memory.
const void* words_symbol();

__global__ void affine(uint32_t* a, uint32_t factor, uint32_t term);
__global__ void mix(uint32_t* a, const uint32_t* b);
__global__ void histogram(const uint32_t* a, uint32_t* counts);
__global__ void reverse(uint32_t* a);
// Cooperative: each group reads what another wrote before the grid's barrier.
__global__ void rotate_groups(uint32_t* a, uint32_t* scratch);

}  // namespace oracle
