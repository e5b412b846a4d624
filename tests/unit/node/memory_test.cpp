// SPDX-License-Identifier: Apache-2.0
//
// Buffers, their place in the GPU's page table, shared virtual memory, and
// handles within one process.

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "own_node.h"

namespace xsim::test {
namespace {

constexpr uint32_t kVram = KFD_IOC_ALLOC_MEM_FLAGS_VRAM | KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE |
                           KFD_IOC_ALLOC_MEM_FLAGS_PUBLIC;
constexpr uint64_t kSize = 2ull << 20;

uint64_t available(uint32_t gpu = 0) {
  kfd_ioctl_get_available_memory_args args{};
  args.gpu_id = gpu_id(gpu);
  EXPECT_EQ(call(abi::kAvailableMemory, args), 0);
  return args.available;
}

TEST(Memory, KernelsReachABufferWhileItIsMapped) {
  TestBuffer buffer = make_buffer(kSize, kVram);
  ASSERT_EQ(buffer.error, 0);
  EXPECT_FALSE(reachable(buffer.place()));
  ASSERT_EQ(map_buffer(buffer), 0);
  EXPECT_TRUE(reachable(buffer.place()));
  EXPECT_TRUE(reachable(buffer.place() + kSize - 1));
  EXPECT_FALSE(reachable(buffer.place() + kSize));
  // A second GPU keeps it mapped.
  ASSERT_EQ(map_buffer(buffer, 1), 0);
  ASSERT_EQ(unmap_buffer(buffer, 0), 0);
  EXPECT_TRUE(reachable(buffer.place()));
  ASSERT_EQ(unmap_buffer(buffer, 1), 0);
  EXPECT_FALSE(reachable(buffer.place()));
  EXPECT_EQ(free_buffer(buffer), 0);
}

TEST(Memory, AMappedBufferIsNotFreed) {
  TestBuffer buffer = make_buffer(kSize, kVram);
  ASSERT_EQ(map_buffer(buffer), 0);
  EXPECT_EQ(free_buffer(buffer), EBUSY);
  ASSERT_EQ(unmap_buffer(buffer), 0);
  TestBuffer copy = buffer;
  EXPECT_EQ(free_buffer(buffer), 0);
  EXPECT_EQ(free_buffer(copy), EINVAL);
  EXPECT_EQ(map_buffer(copy), EINVAL);
}

TEST(Memory, ReadOnlyIsReadOnly) {
  TestBuffer buffer = make_buffer(kSize, kVram & ~KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE);
  ASSERT_EQ(map_buffer(buffer), 0);
  Range range;
  ASSERT_TRUE(Node::get()->space().lookup(buffer.place(), range));
  EXPECT_FALSE(range.writable);
  ASSERT_EQ(unmap_buffer(buffer), 0);
  EXPECT_EQ(free_buffer(buffer), 0);
}

TEST(Memory, WhatTheHostMappedClosedIsOpenedForKernels) {
  TestBuffer buffer = make_buffer(kSize, kVram & ~KFD_IOC_ALLOC_MEM_FLAGS_PUBLIC);
  ASSERT_EQ(mprotect(buffer.address, kSize, PROT_NONE), 0);  // as ROCr does with scratch
  ASSERT_EQ(map_buffer(buffer), 0);
  buffer.address[kSize - 1] = 42;
  EXPECT_EQ(buffer.address[kSize - 1], 42);
  ASSERT_EQ(unmap_buffer(buffer), 0);
  EXPECT_EQ(free_buffer(buffer), 0);
}

TEST(Memory, UserMemoryIsReachableAndCountsNoVram) {
  const uint64_t before = available();
  TestBuffer buffer =
      make_buffer(kSize, KFD_IOC_ALLOC_MEM_FLAGS_USERPTR | KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE);
  ASSERT_EQ(buffer.error, 0);
  ASSERT_EQ(map_buffer(buffer), 0);
  EXPECT_TRUE(reachable(buffer.place()));
  EXPECT_EQ(available(), before);
  ASSERT_EQ(unmap_buffer(buffer), 0);
  EXPECT_EQ(free_buffer(buffer), 0);
}

TEST(Memory, DoorbellsAreNotForKernels) {
  TestBuffer buffer = make_buffer(8192, KFD_IOC_ALLOC_MEM_FLAGS_DOORBELL);
  ASSERT_EQ(buffer.error, 0);
  ASSERT_EQ(map_buffer(buffer), 0);
  EXPECT_FALSE(reachable(buffer.place()));
  ASSERT_EQ(unmap_buffer(buffer), 0);
  EXPECT_EQ(free_buffer(buffer), 0);
}

TEST(Memory, VramRunsOutAndComesBack) {
  const uint64_t before = available();
  std::vector<TestBuffer> buffers;
  for (;;) {
    TestBuffer buffer = make_buffer(16ull << 20, kVram);
    if (buffer.error != 0) {
      EXPECT_EQ(buffer.error, ENOMEM);
      munmap(buffer.address, buffer.bytes);
      break;
    }
    buffers.push_back(buffer);
    ASSERT_LE(buffers.size(), kVramBytes / (16ull << 20));
  }
  EXPECT_EQ(buffers.size(), before / (16ull << 20));
  EXPECT_EQ(available(1), kVramBytes);  // the other GPU's is its own
  TestBuffer gtt = make_buffer(16ull << 20, KFD_IOC_ALLOC_MEM_FLAGS_GTT);
  EXPECT_EQ(gtt.error, 0);  // system memory is not VRAM
  EXPECT_EQ(free_buffer(gtt), 0);
  for (TestBuffer& buffer : buffers) EXPECT_EQ(free_buffer(buffer), 0);
  EXPECT_EQ(available(), before);
}

TEST(Memory, BadArgumentsAreRefused) {
  EXPECT_EQ(make_buffer(kSize, KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE).error, EINVAL);
  EXPECT_EQ(make_buffer(kSize, kVram | KFD_IOC_ALLOC_MEM_FLAGS_GTT).error, EINVAL);
  kfd_ioctl_alloc_memory_of_gpu_args args{};
  args.gpu_id = gpu_id(0);
  args.flags = kVram;
  EXPECT_EQ(call(abi::kAllocMemory, args), EINVAL);  // no bytes
  args.size = kSize;
  args.gpu_id = 3;
  EXPECT_EQ(call(abi::kAllocMemory, args), EINVAL);
  kfd_ioctl_map_memory_to_gpu_args map{};
  EXPECT_EQ(call(abi::kMapMemory, map), EINVAL);  // no devices
  map.n_devices = 1;
  EXPECT_EQ(call(abi::kMapMemory, map), EFAULT);  // no list
  TestBuffer buffer = make_buffer(kSize, kVram);
  const uint32_t ids[2] = {gpu_id(0), 3};
  map.handle = buffer.handle;
  map.device_ids_array_ptr = reinterpret_cast<uintptr_t>(ids);
  map.n_devices = 2;
  EXPECT_EQ(call(abi::kMapMemory, map), EINVAL);
  EXPECT_EQ(map.n_success, 1u);  // the first one holds, as KFD says
  ASSERT_EQ(unmap_buffer(buffer), 0);
  EXPECT_EQ(free_buffer(buffer), 0);
}

TEST(Memory, FreedMemoryIsGivenBackAndReadsAsZero) {
  TestBuffer first = make_buffer(kSize, kVram);
  first.address[0] = 1;
  const uint64_t offset = first.offset;
  EXPECT_EQ(free_buffer(first), 0);
  uint8_t byte = 9;
  ASSERT_EQ(pread(Node::get()->store().fd(0), &byte, 1, static_cast<off_t>(offset)), 1);
  EXPECT_EQ(byte, 0);
}

TEST(Dmabuf, TheImportIsTheSameMemory) {
  TestBuffer buffer = make_buffer(kSize, kVram);
  std::memset(buffer.address, 7, kSize);
  abi::ExportDmabufArgs exported{};
  exported.handle = buffer.handle;
  ASSERT_EQ(call(abi::kExportDmabuf, exported), 0);

  kfd_ioctl_get_dmabuf_info_args info{};
  info.dmabuf_fd = exported.dmabuf_fd;
  ASSERT_EQ(call(abi::kGetDmabufInfo, info), 0);
  EXPECT_EQ(info.size, kSize);
  EXPECT_EQ(info.gpu_id, gpu_id(0));

  TestBuffer copy;
  copy.bytes = kSize;
  copy.address = reserve(kSize);
  kfd_ioctl_import_dmabuf_args import{};
  import.va_addr = copy.place();
  import.gpu_id = gpu_id(0);
  import.dmabuf_fd = exported.dmabuf_fd;
  ASSERT_EQ(call(abi::kImportDmabuf, import), 0);
  close(static_cast<int>(exported.dmabuf_fd));
  copy.handle = import.handle;
  ASSERT_EQ(map_buffer(copy), 0);
  EXPECT_EQ(copy.address[kSize - 1], 7);
  copy.address[0] = 8;
  EXPECT_EQ(buffer.address[0], 8);

  // The memory stays as long as either holds it.
  EXPECT_EQ(free_buffer(buffer), 0);
  EXPECT_EQ(copy.address[1], 7);
  ASSERT_EQ(unmap_buffer(copy), 0);
  EXPECT_EQ(free_buffer(copy), 0);
}

TEST(Dmabuf, WhatIsNoneIsRefused) {
  kfd_ioctl_get_dmabuf_info_args info{};
  info.dmabuf_fd = 1 << 20;
  EXPECT_EQ(call(abi::kGetDmabufInfo, info), EINVAL);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  info.dmabuf_fd = static_cast<uint32_t>(null);
  EXPECT_EQ(call(abi::kGetDmabufInfo, info), EINVAL);
  close(null);
  abi::ExportDmabufArgs exported{};
  EXPECT_EQ(call(abi::kExportDmabuf, exported), EINVAL);
  TestBuffer user = make_buffer(kSize, KFD_IOC_ALLOC_MEM_FLAGS_USERPTR);
  exported.handle = user.handle;
  EXPECT_EQ(call(abi::kExportDmabuf, exported), EPERM);
  EXPECT_EQ(free_buffer(user), 0);
}

class SvmCalls : public testing::Test {
 protected:
  void SetUp() override {
    memory_ = reserve(kBytes);
    ASSERT_NE(memory_, nullptr);
  }
  void TearDown() override {
    attribute(0, kBytes, KFD_IOCTL_SVM_ATTR_NO_ACCESS, gpu_id(0));
    attribute(0, kBytes, KFD_IOCTL_SVM_ATTR_NO_ACCESS, gpu_id(1));
    munmap(memory_, kBytes);
  }
  // One call with one attribute, which is changed in place.
  int svm(uint32_t op, uint64_t offset, uint64_t bytes, kfd_ioctl_svm_attribute& attribute) {
    constexpr size_t kSize = sizeof(kfd_ioctl_svm_args) + sizeof(kfd_ioctl_svm_attribute);
    alignas(kfd_ioctl_svm_args) uint8_t room[kSize] = {};
    auto& args = *reinterpret_cast<kfd_ioctl_svm_args*>(room);
    args.start_addr = at(offset);
    args.size = bytes;
    args.op = op;
    args.nattr = 1;
    args.attrs[0] = attribute;
    const int error = call(abi::kSvm, args, kSize);
    attribute = args.attrs[0];
    return error;
  }
  int attribute(uint64_t offset, uint64_t bytes, uint32_t type, uint32_t value) {
    kfd_ioctl_svm_attribute one{type, value};
    return svm(KFD_IOCTL_SVM_OP_SET_ATTR, offset, bytes, one);
  }
  kfd_ioctl_svm_attribute get(uint64_t offset, uint64_t bytes, uint32_t type, uint32_t value = 0) {
    kfd_ioctl_svm_attribute one{type, value};
    EXPECT_EQ(svm(KFD_IOCTL_SVM_OP_GET_ATTR, offset, bytes, one), 0);
    return one;
  }
  uint64_t at(uint64_t offset) const { return reinterpret_cast<uintptr_t>(memory_) + offset; }
  static constexpr uint64_t kBytes = 16 * 4096;
  uint8_t* memory_ = nullptr;
};

TEST_F(SvmCalls, AccessMakesMemoryReachable) {
  EXPECT_EQ(attribute(4096, 8192, KFD_IOCTL_SVM_ATTR_SET_FLAGS, KFD_IOCTL_SVM_FLAG_COHERENT), 0);
  EXPECT_FALSE(reachable(at(4096)));
  EXPECT_EQ(attribute(4096, 8192, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(0)), 0);
  EXPECT_FALSE(reachable(at(4095)));
  EXPECT_TRUE(reachable(at(4096)));
  EXPECT_TRUE(reachable(at(12287)));
  EXPECT_FALSE(reachable(at(12288)));
  EXPECT_EQ(attribute(4096, 8192, KFD_IOCTL_SVM_ATTR_NO_ACCESS, gpu_id(0)), 0);
  EXPECT_FALSE(reachable(at(4096)));
}

TEST_F(SvmCalls, APartCanBeTakenAway) {
  EXPECT_EQ(attribute(0, kBytes, KFD_IOCTL_SVM_ATTR_ACCESS_IN_PLACE, gpu_id(0)), 0);
  EXPECT_EQ(attribute(4096, 4096, KFD_IOCTL_SVM_ATTR_NO_ACCESS, gpu_id(0)), 0);
  EXPECT_TRUE(reachable(at(0)));
  EXPECT_FALSE(reachable(at(4096)));
  EXPECT_TRUE(reachable(at(8192)));
  EXPECT_EQ(attribute(0, kBytes, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(0)), 0);
  EXPECT_TRUE(reachable(at(4096)));
  EXPECT_EQ(attribute(0, kBytes, KFD_IOCTL_SVM_ATTR_NO_ACCESS, gpu_id(0)), 0);
  for (uint64_t offset = 0; offset < kBytes; offset += 4096) {
    EXPECT_FALSE(reachable(at(offset))) << offset;
  }
}

TEST_F(SvmCalls, AttributesAreReadBack) {
  EXPECT_EQ(get(0, 4096, KFD_IOCTL_SVM_ATTR_PREFERRED_LOC).value, KFD_IOCTL_SVM_LOCATION_UNDEFINED);
  EXPECT_EQ(get(0, 4096, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(1)).type,
            static_cast<uint32_t>(KFD_IOCTL_SVM_ATTR_NO_ACCESS));
  EXPECT_EQ(attribute(0, 8192, KFD_IOCTL_SVM_ATTR_PREFERRED_LOC, gpu_id(1)), 0);
  EXPECT_EQ(attribute(0, 8192, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(1)), 0);
  EXPECT_EQ(get(0, 8192, KFD_IOCTL_SVM_ATTR_PREFERRED_LOC).value, gpu_id(1));
  EXPECT_EQ(get(0, 8192, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(1)).type,
            static_cast<uint32_t>(KFD_IOCTL_SVM_ATTR_ACCESS));
  EXPECT_EQ(get(0, 8192, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(0)).type,
            static_cast<uint32_t>(KFD_IOCTL_SVM_ATTR_NO_ACCESS));
  // Over memory of two kinds: undefined, and no access everywhere.
  EXPECT_EQ(get(0, kBytes, KFD_IOCTL_SVM_ATTR_PREFERRED_LOC).value,
            KFD_IOCTL_SVM_LOCATION_UNDEFINED);
  EXPECT_EQ(get(0, kBytes, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(1)).type,
            static_cast<uint32_t>(KFD_IOCTL_SVM_ATTR_NO_ACCESS));
}

TEST_F(SvmCalls, BadArgumentsAreRefused) {
  EXPECT_EQ(attribute(0, 0, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(0)), EINVAL);
  EXPECT_EQ(attribute(1, 4096, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(0)), EINVAL);
  EXPECT_EQ(attribute(0, 100, KFD_IOCTL_SVM_ATTR_ACCESS, gpu_id(0)), EINVAL);
  EXPECT_EQ(attribute(0, 4096, KFD_IOCTL_SVM_ATTR_ACCESS, 5), EINVAL);
  EXPECT_EQ(attribute(0, 4096, KFD_IOCTL_SVM_ATTR_PREFERRED_LOC, 5), EINVAL);
  EXPECT_EQ(attribute(0, 4096, 99, 0), EINVAL);
}

}  // namespace
}  // namespace xsim::test
