// SPDX-License-Identifier: Apache-2.0
//
// Description: hipModuleLaunchCooperativeKernel: a kernel of a module whose
// workgroups meet at a barrier, between ordinary kernels of the same stream and
// beside another stream; a grid too large for the device.
#include <hip/hiprtc.h>

#include "steps.h"

static const char* const kSource = R"(
extern "C" __global__ void meet(unsigned* values, unsigned* arrived, unsigned groups) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  __syncthreads();
  if (threadIdx.x == 0) {
    __hip_atomic_fetch_add(arrived, 1u, __ATOMIC_ACQ_REL, __HIP_MEMORY_SCOPE_AGENT);
    while (__hip_atomic_load(arrived, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_AGENT) % groups != 0)
      __builtin_amdgcn_s_sleep(2);
  }
  __syncthreads();
  values[i] += __hip_atomic_load(arrived, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}
)";

static std::vector<char> compiled() {
  hiprtcProgram program;
  CHECK(hiprtcCreateProgram(&program, kSource, "meet.hip", 0, nullptr, nullptr) == HIPRTC_SUCCESS);
  CHECK(hiprtcCompileProgram(program, 0, nullptr) == HIPRTC_SUCCESS);
  size_t size = 0;
  CHECK(hiprtcGetCodeSize(program, &size) == HIPRTC_SUCCESS);
  std::vector<char> code(size);
  CHECK(hiprtcGetCode(program, code.data()) == HIPRTC_SUCCESS);
  CHECK(hiprtcDestroyProgram(&program) == HIPRTC_SUCCESS);
  return code;
}

int main() {
  int supported = 0;
  CHECK_HIP(hipDeviceGetAttribute(&supported, hipDeviceAttributeCooperativeLaunch, 0));
  if (!supported) check::skip("the device has no cooperative launch");
  const std::vector<char> code = compiled();
  hipModule_t module = nullptr;
  hipFunction_t meet = nullptr;
  CHECK_HIP(hipModuleLoadData(&module, code.data()));
  CHECK_HIP(hipModuleGetFunction(&meet, module, "meet"));
  unsigned groups = check::kCount / 256;
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 1));
  check::DeviceArray<unsigned> other(std::vector<unsigned>(check::kCount, 1));
  check::DeviceArray<unsigned> arrived(std::vector<unsigned>{0});
  unsigned *data = values.get(), *counter = arrived.get();
  void* arguments[] = {&data, &counter, &groups};
  check::Stream stream(hipStreamNonBlocking), beside(hipStreamNonBlocking);
  std::vector<unsigned> expected(check::kCount, 1);
  check::Expected expected_other(1);
  for (unsigned round = 0; round < 5; round++) {
    check::launch_step(data, round, stream.get());
    CHECK_HIP(hipModuleLaunchCooperativeKernel(meet, groups, 1, 1, 256, 1, 1, 0, stream.get(),
                                               arguments));
    check::launch_step(other.get(), round, beside.get());
    expected_other.step(round);
    check::step_on_host(expected, round);
    for (unsigned& value : expected) value += groups * (round + 1);
  }
  stream.wait();
  beside.wait();
  CHECK(values.read() == expected);
  CHECK(other.read() == expected_other.values());
  std::printf("last %u\n", expected.back());
  check::report(
      "a million workgroups",
      hipModuleLaunchCooperativeKernel(meet, 1 << 20, 1, 1, 256, 1, 1, 0, stream.get(), arguments));
  check::report("workgroups of 4096", hipModuleLaunchCooperativeKernel(meet, 1, 1, 1, 4096, 1, 1, 0,
                                                                       stream.get(), arguments));
  hipFunctionLaunchParams one = {};
  one.function = meet;
  one.gridDimX = groups;
  one.blockDimX = 256;
  one.gridDimY = one.gridDimZ = one.blockDimY = one.blockDimZ = 1;
  one.hStream = stream.get();
  one.kernelParams = arguments;
  CHECK_HIP(hipModuleLaunchCooperativeKernelMultiDevice(&one, 1, 0));
  stream.wait();
  for (unsigned& value : expected) value += groups * 6;
  CHECK(values.read() == expected);
  CHECK_HIP(hipModuleUnload(module));
  return check::pass();
}
