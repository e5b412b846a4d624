// SPDX-License-Identifier: Apache-2.0
//
// Description: a program that does not link HIP but opens it at run time with
// RTLD_LOCAL, as Python does with what a torch wheel brings; HIP's symbols are
// then in no global scope that a preload could search.
#define __HIP_PLATFORM_AMD__ 1
#include <dlfcn.h>
#include <hip/hip_runtime_api.h>

#include <cstdio>
#include <vector>

namespace {

void* library = nullptr;

template <class Function>
Function* find(const char* name) {
  void* found = dlsym(library, name);
  if (!found) std::fprintf(stderr, "%s: %s\n", name, dlerror());
  return reinterpret_cast<Function*>(found);
}

}  // namespace

#define FIND(name)                                              \
  decltype(name)* const p_##name = find<decltype(name)>(#name); \
  if (!p_##name) return 1
#define CHECK_HIP(call)                                                   \
  do {                                                                    \
    const hipError_t error = (call);                                      \
    if (error != hipSuccess) {                                            \
      std::fprintf(stderr, "%d: %s: error %d\n", __LINE__, #call, error); \
      return 1;                                                           \
    }                                                                     \
  } while (0)

int main() {
  library = dlopen("libamdhip64.so.6", RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen("libamdhip64.so", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    std::printf("skip: %s\n", dlerror());
    return 77;
  }
  // Untyped overloads only: the header's templates have no symbol.
  hipError_t (*const p_hipMalloc)(void**, size_t) = find<hipError_t(void**, size_t)>("hipMalloc");
  if (!p_hipMalloc) return 1;
  FIND(hipFree);
  FIND(hipMemsetD32Async);
  FIND(hipMemcpyAsync);
  FIND(hipStreamCreate);
  FIND(hipStreamSynchronize);
  FIND(hipStreamDestroy);

  constexpr size_t count = 10000;
  hipStream_t stream;
  CHECK_HIP(p_hipStreamCreate(&stream));
  void* device = nullptr;
  CHECK_HIP(p_hipMalloc(&device, count * sizeof(int)));
  std::vector<int> result(count);
  for (int round = 1; round <= 20; round++) {
    // A kernel of HIP's own: packets in an HSA queue like any other.
    CHECK_HIP(p_hipMemsetD32Async(device, round * 1001, count, stream));
    CHECK_HIP(p_hipMemcpyAsync(result.data(), device, count * sizeof(int), hipMemcpyDeviceToHost,
                               stream));
    CHECK_HIP(p_hipStreamSynchronize(stream));
    for (const int value : result)
      if (value != round * 1001) {
        std::fprintf(stderr, "round %d: got %d\n", round, value);
        return 1;
      }
  }
  CHECK_HIP(p_hipFree(device));
  CHECK_HIP(p_hipStreamDestroy(stream));
  std::printf("last %d\npass\n", result[count - 1]);
  return 0;
}
