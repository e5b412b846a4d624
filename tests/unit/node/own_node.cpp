// SPDX-License-Identifier: Apache-2.0
//
// See own_node.h.

#include "own_node.h"

#include <unistd.h>

#include <cstdlib>

#include "tools/sim/node/topology.h"

namespace xsim::test {

namespace {

std::string node_name() {
  return "unit-" + std::to_string(getpid());
}

class OwnNode : public testing::Environment {
 public:
  void SetUp() override {
    for (const char* name : {"XSCHED_SIM_GPU", "XSCHED_SIM_CUS", "XSCHED_SIM_LOG",
                             "XSCHED_SIM_KERNEL_US", "XSCHED_SIM_PREEMPT_US"}) {
      unsetenv(name);
    }
    name_ = node_name();
    setenv("XSCHED_SIM_NODE", name_.c_str(), 1);
    setenv("XSCHED_SIM_GPUS", std::to_string(kGpus).c_str(), 1);
    setenv("XSCHED_SIM_VRAM_MB", std::to_string(kVramBytes >> 20).c_str(), 1);
  }
  // The process still uses the node, so its files are simply unlinked.
  void TearDown() override {
    unlink(("/dev/shm/xsched-sim-" + std::to_string(getuid()) + "-" + name_).c_str());
    unlink(store_registry_path(name_).c_str());
    remove_topology(name_);
  }

 private:
  std::string name_;
};

[[maybe_unused]] testing::Environment* const g_environment =
    testing::AddGlobalTestEnvironment(new OwnNode);

}  // namespace

uint8_t* reserve(uint64_t bytes) {
  void* memory =
      mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
}

TestBuffer make_buffer(uint64_t bytes, uint32_t flags, uint32_t gpu) {
  TestBuffer buffer;
  buffer.bytes = bytes;
  buffer.address = reserve(bytes);
  kfd_ioctl_alloc_memory_of_gpu_args args{};
  args.va_addr = buffer.place();
  args.size = bytes;
  args.gpu_id = gpu_id(gpu);
  args.flags = flags;
  if (flags & KFD_IOC_ALLOC_MEM_FLAGS_USERPTR) args.mmap_offset = buffer.place();
  buffer.error = call(abi::kAllocMemory, args);
  if (buffer.error != 0) return buffer;
  buffer.handle = args.handle;
  buffer.offset = args.mmap_offset;
  if (flags & KFD_IOC_ALLOC_MEM_FLAGS_USERPTR) {
    mprotect(buffer.address, bytes, PROT_READ | PROT_WRITE);
  } else {
    mmap(buffer.address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
         Node::get()->store().fd(gpu), static_cast<off_t>(buffer.offset));
  }
  return buffer;
}

int map_buffer(const TestBuffer& buffer, uint32_t gpu) {
  const uint32_t id = gpu_id(gpu);
  kfd_ioctl_map_memory_to_gpu_args args{};
  args.handle = buffer.handle;
  args.device_ids_array_ptr = reinterpret_cast<uintptr_t>(&id);
  args.n_devices = 1;
  return call(abi::kMapMemory, args);
}

int unmap_buffer(const TestBuffer& buffer, uint32_t gpu) {
  const uint32_t id = gpu_id(gpu);
  kfd_ioctl_unmap_memory_from_gpu_args args{};
  args.handle = buffer.handle;
  args.device_ids_array_ptr = reinterpret_cast<uintptr_t>(&id);
  args.n_devices = 1;
  return call(abi::kUnmapMemory, args);
}

int free_buffer(TestBuffer& buffer) {
  kfd_ioctl_free_memory_of_gpu_args args{};
  args.handle = buffer.handle;
  const int error = call(abi::kFreeMemory, args);
  if (error == 0) {
    munmap(buffer.address, buffer.bytes);
    buffer = {};
  }
  return error;
}

}  // namespace xsim::test
