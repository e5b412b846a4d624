// SPDX-License-Identifier: Apache-2.0
//
// The 64-byte AQL packet as the gate sees it: a header word that publishes
// the rest, and a body that is copied verbatim. Layout from the HSA 1.2
// specification, section 2.9; no HSA header is needed, so the gate's core
// builds and is tested without ROCm.
#pragma once

#include <atomic>
#include <cstdint>

namespace xsched {

enum PacketType : uint32_t {
  kPacketVendor = 0,
  kPacketInvalid = 1,
  kPacketKernel = 2,
  kPacketBarrierAnd = 3,
  kPacketAgent = 4,
  kPacketBarrierOr = 5,
};

// Header bits (16 bits): type 0..7, barrier 8, acquire scope 9..10, release scope 11..12.
inline constexpr uint32_t kHeaderBarrierBit = 1u << 8;
inline constexpr uint32_t kHeaderSystemScopes = (2u << 9) | (2u << 11);

struct alignas(64) Packet {
  // Header in the low 16 bits, setup (kernel dispatch) in the high. Written
  // last, with release order: the processor may start as soon as it is valid.
  uint32_t header;
  uint32_t word1;
  uint64_t body[7];  // for barriers: body[0..4] = dep_signal, body[5] reserved

  uint64_t completion_signal() const { return body[6]; }
};
static_assert(sizeof(Packet) == 64);

inline constexpr int kBarrierDependencies = 5;

inline uint32_t packet_type(uint32_t header) {
  return header & 0xff;
}
inline bool is_barrier(uint32_t header) {
  return packet_type(header) == kPacketBarrierAnd || packet_type(header) == kPacketBarrierOr;
}

// AMD's barrier-value packet (hsa_ext_amd.h): its format stands in the third
// byte of the header; body[0] = signal (may be 0), [1] = value, [2] = mask,
// [3], low half = condition.
inline bool is_barrier_value(uint32_t header) {
  constexpr uint32_t kBarrierValueFormat = 2;
  return packet_type(header) == kPacketVendor && (header >> 16 & 0xff) == kBarrierValueFormat;
}
// A packet that may wait for a signal.
inline bool is_waiter(uint32_t header) {
  return is_barrier(header) || is_barrier_value(header);
}
// A packet that occupies the GPU.
inline bool is_work(uint32_t header) {
  return !is_waiter(header);
}

// Accessors for words that another thread or the GPU reads at the same time.
template <typename T>
T load_acquire(const T& word) {
  return std::atomic_ref<T>(const_cast<T&>(word)).load(std::memory_order_acquire);
}
template <typename T>
T load_relaxed(const T& word) {
  return std::atomic_ref<T>(const_cast<T&>(word)).load(std::memory_order_relaxed);
}
template <typename T>
void store_release(T& word, T value) {
  std::atomic_ref<T>(word).store(value, std::memory_order_release);
}
template <typename T>
void store_relaxed(T& word, T value) {
  std::atomic_ref<T>(word).store(value, std::memory_order_relaxed);
}

// Copies everything but the header; returns the first five words of the body,
// or-ed: for a waiter, not 0 if it depends on a signal. In 8-byte words on
// purpose: applications fill packets field by field just before, and a wider
// load would miss the store buffer's forwarding and stall. Relaxed atomics keep
// the compiler from merging them and cost nothing else.
inline uint64_t copy_body(Packet& to, const Packet& from) {
  store_relaxed(to.word1, load_relaxed(from.word1));
  uint64_t dependencies = 0;
  for (int i = 0; i < 7; i++) {
    const uint64_t word = load_relaxed(from.body[i]);
    store_relaxed(to.body[i], word);
    if (i < kBarrierDependencies) dependencies |= word;
  }
  return dependencies;
}

}  // namespace xsched
