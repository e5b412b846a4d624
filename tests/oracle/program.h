// SPDX-License-Identifier: Apache-2.0
//
// A random HIP program: a list of operations that a seed alone determines.
// Nothing here knows of HIP or of order; executor.h gives both, so that any
// operation may be left out (shrinking) and the rest still has one result.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace oracle {

inline constexpr uint32_t kBuffers = 5;  // on the device; the last one is managed
inline constexpr uint32_t kPinned = 2;
inline constexpr uint32_t kCells = 2;  // what host functions work on

// The last ones only where there are two GPUs: the seeds of one keep their meaning.
#define ORACLE_KINDS(X)                                                                           \
  X(affine_kernel)                                                                                \
  X(mix_kernel)                                                                                   \
  X(histogram_kernel)                                                                             \
  X(reverse_kernel)                                                                               \
  X(cooperative_kernel)                                                                           \
  X(timed_kernel)                                                                                 \
  X(copy_on_device)                                                                               \
  X(copy_to_host) X(copy_to_device) X(copy_pageable_in) X(copy_pageable_out) X(copy_synchronous)  \
      X(copy_2d) X(set_bytes) X(set_words) X(set_synchronous) X(host_function) X(stream_callback) \
          X(event_pair) X(event_query) X(event_across) X(stream_wait) X(stream_query)             \
              X(device_wait) X(allocate_in_order) X(captured_graph) X(explicit_graph)             \
                  X(new_stream) X(wait_value) X(bad_launch) X(bad_copy) X(bad_free)               \
                      X(out_of_memory) X(capture_null_stream) X(last_error) X(per_thread_call)    \
                          X(looked_up_call) X(module_call) X(wide_value) X(rectangle) X(symbol)   \
                              X(prefetch) X(pool) X(burst) X(other_thread) X(forked_capture)      \
                                  X(long_graph) X(peer_copy) X(peer_allocation)

enum class Kind : uint32_t {
#define X(name) name,
  ORACLE_KINDS(X)
#undef X
};

inline const char* name_of(Kind kind) {
  static const char* const kNames[] = {
#define X(name) #name,
      ORACLE_KINDS(X)
#undef X
  };
  return kNames[static_cast<uint32_t>(kind)];
}

inline constexpr uint32_t kKinds = 0
#define X(name) +1
    ORACLE_KINDS(X)
#undef X
    ;

inline constexpr uint32_t kPeerKinds = 2;

// The numbers are raw; the executor takes what it needs modulo what there is.
struct Op {
  Kind kind;
  uint32_t stream, a, b, value;
  uint32_t order;  // how to wait for another stream, where that is needed
};

struct Program {
  uint32_t streams;       // created ones, besides the null and the per-thread stream
  uint32_t stream_flags;  // a bit each: non-blocking; and, from bit 16, priority
  std::vector<Op> ops;
};

inline Program generate(uint64_t seed, uint32_t ops, uint32_t gpus) {
  // mt19937_64 and %: the same in every library, unlike distributions.
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15ull + 1);
  const auto next = [&] { return static_cast<uint32_t>(random() >> 32); };
  Program program;
  program.streams = 1 + next() % 4;
  program.stream_flags = next();
  program.ops.resize(ops / 2 + next() % ops);
  for (Op& op : program.ops) {
    op = {
        static_cast<Kind>(next() % (kKinds - kPeerKinds)), next(), next(), next(), next(), next()};
    // Half of it are kernels, as in life.
    if (next() % 3 == 0) op.kind = static_cast<Kind>(next() % 6);
    if (gpus > 1 && next() % 6 == 0) {
      op.kind = static_cast<Kind>(kKinds - kPeerKinds + next() % kPeerKinds);
    }
  }
  return program;
}

}  // namespace oracle
