// SPDX-License-Identifier: Apache-2.0
//
// Description: a kernel compiled at run time (hiprtc), loaded as a module,
// launched with parameters by pointer and as a packed buffer, its global
// variable read and written.
#include <hip/hiprtc.h>

#include <cstring>
#include <string>

#include "check.h"

static const char* const kSource = R"(
__device__ int bias = 100;
extern "C" __global__ void scale(int* values, int factor) {
  values[threadIdx.x] = threadIdx.x * factor + bias;
}
)";

static std::vector<char> compile() {
  hiprtcProgram program;
  CHECK(hiprtcCreateProgram(&program, kSource, "scale.hip", 0, nullptr, nullptr) == HIPRTC_SUCCESS);
  const hiprtcResult compiled = hiprtcCompileProgram(program, 0, nullptr);
  if (compiled != HIPRTC_SUCCESS) {
    size_t size = 0;
    CHECK(hiprtcGetProgramLogSize(program, &size) == HIPRTC_SUCCESS);
    std::string log(size, '\0');
    CHECK(hiprtcGetProgramLog(program, log.data()) == HIPRTC_SUCCESS);
    check::fail(__FILE__, __LINE__, "hiprtcCompileProgram", log.c_str());
  }
  size_t size = 0;
  CHECK(hiprtcGetCodeSize(program, &size) == HIPRTC_SUCCESS);
  std::vector<char> code(size);
  CHECK(hiprtcGetCode(program, code.data()) == HIPRTC_SUCCESS);
  CHECK(hiprtcDestroyProgram(&program) == HIPRTC_SUCCESS);
  return code;
}

int main() {
  const std::vector<char> code = compile();
  check::DeviceArray<int> values(64);
  hipModule_t module;
  hipFunction_t scale;
  CHECK_HIP(hipModuleLoadData(&module, code.data()));
  CHECK_HIP(hipModuleGetFunction(&scale, module, "scale"));
  hipFunction_t missing;
  CHECK(hipModuleGetFunction(&missing, module, "no_such_kernel") == hipErrorNotFound);

  int* data = values.get();
  int factor = 3;
  void* arguments[] = {&data, &factor};
  CHECK_HIP(hipModuleLaunchKernel(scale, 1, 1, 1, 64, 1, 1, 0, nullptr, arguments, nullptr));
  std::vector<int> result = values.read();
  for (int i = 0; i < 64; i++) CHECK(result[i] == i * 3 + 100);

  hipDeviceptr_t bias;
  size_t bytes = 0;
  CHECK_HIP(hipModuleGetGlobal(&bias, &bytes, module, "bias"));
  CHECK(bytes == sizeof(int));
  const int new_bias = -5;
  CHECK_HIP(hipMemcpyHtoD(bias, const_cast<int*>(&new_bias), sizeof new_bias));

  struct {
    int* values;
    int factor;
  } packed = {data, 7};
  size_t packed_size = sizeof packed;
  void* extra[] = {HIP_LAUNCH_PARAM_BUFFER_POINTER, &packed, HIP_LAUNCH_PARAM_BUFFER_SIZE,
                   &packed_size, HIP_LAUNCH_PARAM_END};
  CHECK_HIP(hipModuleLaunchKernel(scale, 1, 1, 1, 64, 1, 1, 0, nullptr, nullptr, extra));
  result = values.read();
  for (int i = 0; i < 64; i++) CHECK(result[i] == i * 7 - 5);
  CHECK_HIP(hipModuleUnload(module));
  std::printf("last %d\n", result[63]);
  return check::pass();
}
