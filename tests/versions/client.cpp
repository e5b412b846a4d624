// SPDX-License-Identifier: Apache-2.0
//
// client LIBRARY CODE_OBJECT [--deep] [--shim PATH]
// Opens a libamdhip64 of any version by path, RTLD_LOCAL as Python opens a
// wheel's (--deep: RTLD_DEEPBIND too), and uses it through the versioned
// symbols that clients of HIP 4.2 to 7 import. --shim: opens the shim only
// afterwards. Not linked with HIP; stdout is the same for every version.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr uint32_t kWords = 4096;
constexpr int kToHost = 2;  // hipMemcpyDeviceToHost, the same since HIP 1

void* library = nullptr;
uint32_t found = 0, absent = 0;

// The symbol at the version that clients of that time import; by any version
// where the library says it differently, null where it has none.
template <class Function>
Function* find(const char* name, const char* version) {
  void* p = dlvsym(library, name, version);
  ++(p != nullptr ? found : absent);
  if (p == nullptr) p = dlsym(library, name);
  return reinterpret_cast<Function*>(p);
}

int fail(const char* what, int code) {
  std::fprintf(stderr, "%s: %d\n", what, code);
  return 1;
}

uint32_t expected(uint32_t i, uint32_t rounds) {
  uint32_t v = 7;
  for (uint32_t r = 0; r < rounds; ++r) v = v * 3 + i;
  return v;
}

// What hipLaunchKernelExC and hipDrvLaunchKernelEx of HIP 7 take.
struct LaunchConfig {
  unsigned grid[3], block[3];
  size_t shared_bytes;
  void* stream;
  void* attributes;
  unsigned attribute_count;
};
struct DriverLaunchConfig {
  unsigned grid[3], block[3], shared_bytes;
  void* stream;
  void* attributes;
  unsigned attribute_count;
};

// The code object in this program's own memory, as hipcc would have linked it.
std::vector<char> read_file(const char* path) {
  std::vector<char> bytes;
  if (FILE* file = std::fopen(path, "rb")) {
    char part[4096];
    while (const size_t got = std::fread(part, 1, sizeof part, file))
      bytes.insert(bytes.end(), part, part + got);
    std::fclose(file);
  }
  return bytes;
}

}  // namespace

#define NEED(p) \
  if ((p) == nullptr) return fail(#p " is missing", 0)
#define CHECK(call) \
  if (const int code = (call); code != 0) return fail(#call, code)

int main(int argc, char** argv) {
  if (argc < 3) return fail("usage: client LIBRARY CODE_OBJECT [--deep] [--shim PATH]", argc);
  int flags = RTLD_NOW | RTLD_LOCAL;
  const char* shim = nullptr;
  for (int i = 3; i < argc; ++i) {
    if (std::strcmp(argv[i], "--deep") == 0) flags |= RTLD_DEEPBIND;
    if (std::strcmp(argv[i], "--shim") == 0 && i + 1 < argc) shim = argv[++i];
  }
  // ROCr first and never deep: a deep one would not find the simulated node.
  const std::string path = argv[1];
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos &&
      dlopen((path.substr(0, slash) + "/libhsa-runtime64.so.1").c_str(), RTLD_NOW) == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  library = dlopen(argv[1], flags);
  if (library == nullptr) {
    std::printf("skip: %s\n", dlerror());
    return 77;
  }
  if (shim != nullptr && dlopen(shim, RTLD_NOW | RTLD_LOCAL) == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }

  const auto runtime_version = find<int(int*)>("hipRuntimeGetVersion", "hip_4.2");
  const auto malloc_ = find<int(void**, size_t)>("hipMalloc", "hip_4.2");
  const auto free_ = find<int(void*)>("hipFree", "hip_4.2");
  const auto stream_create = find<int(void**, unsigned)>("hipStreamCreateWithFlags", "hip_4.2");
  const auto stream_wait = find<int(void*)>("hipStreamSynchronize", "hip_4.2");
  const auto stream_destroy = find<int(void*)>("hipStreamDestroy", "hip_4.2");
  const auto set = find<int(void*, int, size_t, void*)>("hipMemsetD32Async", "hip_4.2");
  const auto copy = find<int(void*, const void*, size_t, int, void*)>("hipMemcpyAsync", "hip_4.2");
  const auto load = find<int(void**, const char*)>("hipModuleLoad", "hip_4.2");
  const auto function = find<int(void**, void*, const char*)>("hipModuleGetFunction", "hip_4.2");
  const auto launch =
      find<int(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*,
               void**, void**)>("hipModuleLaunchKernel", "hip_4.2");
  const auto host_function =
      find<int(void*, void (*)(void*), void*)>("hipLaunchHostFunc", "hip_5.2");
  const auto copy_spt =
      find<int(void*, const void*, size_t, int, void*)>("hipMemcpyAsync_spt", "hip_5.2");
  const auto wait_spt = find<int(void*)>("hipStreamSynchronize_spt", "hip_5.2");
  const auto proc =
      find<int(const char*, void**, int, uint64_t, void*)>("hipGetProcAddress", "hip_6.1");
  const auto launch_c =
      find<int(const LaunchConfig*, const void*, void**)>("hipLaunchKernelExC", "hip_6.5");
  const auto launch_driver = find<int(const DriverLaunchConfig*, void*, void**, void**)>(
      "hipDrvLaunchKernelEx", "hip_6.5");
  const auto register_binary = find<void**(const void*)>("__hipRegisterFatBinary", "hip_4.2");
  const auto register_function =
      find<void(void**, const void*, char*, const char*, unsigned, void*, void*, void*, void*,
                int*)>("__hipRegisterFunction", "hip_4.2");
  for (const void* p :
       {reinterpret_cast<void*>(runtime_version), reinterpret_cast<void*>(malloc_),
        reinterpret_cast<void*>(free_), reinterpret_cast<void*>(stream_create),
        reinterpret_cast<void*>(stream_wait), reinterpret_cast<void*>(stream_destroy),
        reinterpret_cast<void*>(set), reinterpret_cast<void*>(copy), reinterpret_cast<void*>(load),
        reinterpret_cast<void*>(function), reinterpret_cast<void*>(launch)})
    NEED(p);

  int version = 0;
  CHECK(runtime_version(&version));
  std::fprintf(stderr, "hip %d.%d; %u versioned symbols found, %u absent\n", version / 10000000,
               version / 100000 % 100, found, absent);
  void *words = nullptr, *module = nullptr, *kernel = nullptr;
  CHECK(malloc_(&words, kWords * 4));
  CHECK(load(&module, argv[2]));
  CHECK(function(&kernel, module, "triple"));
  std::vector<uint32_t> result(kWords);
  for (int s = 0; s < 3; ++s) {
    void* stream = nullptr;
    if (s > 0) CHECK(stream_create(&stream, static_cast<unsigned>(s - 1)));
    CHECK(set(words, 7, kWords, stream));
    for (int round = 0; round < 20; ++round) {
      void* arguments[] = {&words};
      CHECK(launch(kernel, kWords / 256, 1, 1, 256, 1, 1, 0, stream, arguments, nullptr));
    }
    int called = 0;
    if (host_function != nullptr) {
      CHECK(host_function(
          stream, [](void* data) { *static_cast<int*>(data) = 1; }, &called));
    }
    CHECK(copy(result.data(), words, kWords * 4, kToHost, stream));
    CHECK(stream_wait(stream));
    if (host_function != nullptr && called != 1) return fail("the host function ran", called);
    for (uint32_t i = 0; i < kWords; ++i)
      if (result[i] != expected(i, 20)) return fail("word", static_cast<int>(i));
    if (stream != nullptr) CHECK(stream_destroy(stream));
  }
  if (copy_spt != nullptr && wait_spt != nullptr) {
    result.assign(kWords, 0);
    CHECK(copy_spt(result.data(), words, kWords * 4, kToHost, nullptr));
    CHECK(wait_spt(nullptr));
    if (result[5] != expected(5, 20)) return fail("_spt copy", static_cast<int>(result[5]));
  }
  if (proc != nullptr) {
    // What it gives works like what the loader gives.
    void* looked_up = nullptr;
    CHECK(proc("hipStreamSynchronize", &looked_up, 600, 0, nullptr));
    NEED(looked_up);
    CHECK(reinterpret_cast<int (*)(void*)>(looked_up)(nullptr));
  }
  if (launch_c != nullptr && launch_driver != nullptr) {
    NEED(register_binary);
    NEED(register_function);
    static const std::vector<char> code = read_file(argv[2]);
    static const struct {
      uint32_t magic, version;
      const void* code;
      void* unused;
    } binary = {0x48495046, 1, code.data(), nullptr};
    static char name[] = "triple";
    register_function(register_binary(&binary), name, name, name, ~0u, nullptr, nullptr, nullptr,
                      nullptr, nullptr);
    void* stream = nullptr;
    CHECK(stream_create(&stream, 0));
    CHECK(set(words, 7, kWords, stream));
    void* arguments[] = {&words};
    const LaunchConfig config{{kWords / 256, 1, 1}, {256, 1, 1}, 0, stream, nullptr, 0};
    const DriverLaunchConfig driver{{kWords / 256, 1, 1}, {256, 1, 1}, 0, stream, nullptr, 0};
    for (int round = 0; round < 10; ++round) {
      CHECK(launch_c(&config, name, arguments));
      CHECK(launch_driver(&driver, kernel, arguments, nullptr));
    }
    result.assign(kWords, 0);
    CHECK(copy(result.data(), words, kWords * 4, kToHost, stream));
    CHECK(stream_wait(stream));
    for (uint32_t i = 0; i < kWords; ++i)
      if (result[i] != expected(i, 20)) return fail("word", static_cast<int>(i));
    CHECK(stream_destroy(stream));
    std::fprintf(stderr, "launched with a configuration\n");
  }
  CHECK(free_(words));
  std::printf("pass\n");
  return 0;
}
