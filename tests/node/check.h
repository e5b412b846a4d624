// SPDX-License-Identifier: Apache-2.0
//
// What every node test shares: checks that end the program with exit status 1
// and say why on stderr, and a digest of the results for stdout.
//
// stdout is deterministic: the runner compares it byte for byte between the
// program alone and the program under the shim. Times, handles and names of
// devices belong on stderr.
#pragma once

#include <hip/hip_runtime.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <vector>

namespace check {

// _Exit and not exit: the failing thread may not be the main one, and HIP's
// teardown must not hide the failure by hanging.
[[noreturn]] inline void fail(const char* file, int line, const char* what, const char* why) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, why);
  std::_Exit(1);
}

// The test cannot run here; the runner reports the reason.
[[noreturn]] inline void skip(const char* reason) {
  std::printf("skip: %s\n", reason);
  std::fflush(stdout);
  std::_Exit(77);
}

// FNV-1a of the results, so that stdout shows all of them in one line.
class Digest {
 public:
  template <class T>
  void add(const T* values, size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* bytes = reinterpret_cast<const unsigned char*>(values);
    for (size_t i = 0; i < count * sizeof(T); i++) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3ull;
  }
  template <class T>
  void add(const std::vector<T>& values) {
    add(values.data(), values.size());
  }
  void print(const char* name) const {
    std::printf("%s %016llx\n", name, static_cast<unsigned long long>(hash_));
  }

 private:
  uint64_t hash_ = 0xcbf29ce484222325ull;
};

inline int pass() {
  std::printf("pass\n");
  std::fflush(stdout);
  return 0;
}

}  // namespace check

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) check::fail(__FILE__, __LINE__, #condition, "is false"); \
  } while (0)

#define CHECK_HIP(call)                                                       \
  do {                                                                        \
    const hipError_t check_error = (call);                                    \
    if (check_error != hipSuccess)                                            \
      check::fail(__FILE__, __LINE__, #call, hipGetErrorString(check_error)); \
  } while (0)

namespace check {

// Device memory that is freed with the object.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count) : count_(count) {
    CHECK_HIP(hipMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)));
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    CHECK_HIP(hipMemcpy(data_, values.data(), count_ * sizeof(T), hipMemcpyHostToDevice));
  }
  ~DeviceArray() { (void)hipFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* get() const { return data_; }
  size_t size() const { return count_; }
  void fill_bytes(int value) { CHECK_HIP(hipMemset(data_, value, count_ * sizeof(T))); }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    CHECK_HIP(hipMemcpy(values.data(), data_, count_ * sizeof(T), hipMemcpyDeviceToHost));
    return values;
  }

 private:
  T* data_ = nullptr;
  size_t count_;
};

class Stream {
 public:
  explicit Stream(unsigned flags = hipStreamDefault) {
    CHECK_HIP(hipStreamCreateWithFlags(&stream_, flags));
  }
  ~Stream() { (void)hipStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  hipStream_t get() const { return stream_; }
  void wait() const { CHECK_HIP(hipStreamSynchronize(stream_)); }

 private:
  hipStream_t stream_ = nullptr;
};

class Event {
 public:
  explicit Event(unsigned flags = hipEventDefault) {
    CHECK_HIP(hipEventCreateWithFlags(&event_, flags));
  }
  ~Event() { (void)hipEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  hipEvent_t get() const { return event_; }

 private:
  hipEvent_t event_ = nullptr;
};

// Coherent host memory that a kernel can store to and wait on.
template <class T>
class SharedValue {
 public:
  explicit SharedValue(T value) {
    CHECK_HIP(hipHostMalloc(reinterpret_cast<void**>(&data_), sizeof(T), hipHostMallocCoherent));
    store(value);
  }
  ~SharedValue() { (void)hipHostFree(data_); }
  SharedValue(const SharedValue&) = delete;
  SharedValue& operator=(const SharedValue&) = delete;
  T* get() const { return data_; }
  void store(T value) { __atomic_store_n(data_, value, __ATOMIC_RELEASE); }
  T load() const { return __atomic_load_n(data_, __ATOMIC_ACQUIRE); }

 private:
  T* data_ = nullptr;
};

}  // namespace check
