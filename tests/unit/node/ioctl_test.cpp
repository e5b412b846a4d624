// SPDX-License-Identifier: Apache-2.0
//
// The KFD call table: what is answered, and how what is wrong is refused.

#include <cstring>

#include "own_node.h"

namespace xsim::test {
namespace {

TEST(KfdCalls, VersionIsTheOneThatRocrWants) {
  kfd_ioctl_get_version_args args{};
  ASSERT_EQ(call(abi::kGetVersion, args), 0);
  EXPECT_EQ(args.major_version, 1u);
  EXPECT_GE(args.minor_version, 15u);
}

TEST(KfdCalls, UnknownCallsAreRefused) {
  uint64_t argument = 0;
  EXPECT_EQ(call(0x00, argument), EINVAL);
  EXPECT_EQ(call(0x1f, argument), EINVAL);  // SMI_EVENTS
  EXPECT_EQ(call(0x26, argument), EINVAL);  // DBG_TRAP
  EXPECT_EQ(call(0x7f, argument), EINVAL);
  EXPECT_EQ(call(0xff, argument), EINVAL);
}

TEST(KfdCalls, AnotherDriversRequestIsRefused) {
  kfd_ioctl_get_version_args args{};
  EXPECT_EQ(Node::get()->kfd_ioctl(_IOC(_IOC_READ, 'd', abi::kGetVersion, sizeof args), &args), -1);
  EXPECT_EQ(errno, EINVAL);
}

TEST(KfdCalls, AShortStructureIsRefused) {
  kfd_ioctl_create_queue_args args{};
  EXPECT_EQ(call(abi::kCreateQueue, args, 16), EINVAL);
  kfd_ioctl_get_version_args version{};
  EXPECT_EQ(call(abi::kGetVersion, version, 4), EINVAL);
}

TEST(KfdCalls, ANullArgumentIsRefused) {
  const unsigned long request =
      _IOC(_IOC_READ, AMDKFD_IOCTL_BASE, abi::kGetVersion, sizeof(kfd_ioctl_get_version_args));
  EXPECT_EQ(Node::get()->kfd_ioctl(request, nullptr), -1);
  EXPECT_EQ(errno, EFAULT);
}

TEST(KfdCalls, AperturesOfEveryGpu) {
  kfd_ioctl_get_process_apertures_new_args args{};
  ASSERT_EQ(call(abi::kGetProcessAperturesNew, args), 0);  // 0 nodes: how many are there?
  EXPECT_EQ(args.num_of_nodes, kGpus);
  kfd_process_device_apertures nodes[4];
  std::memset(nodes, 0xff, sizeof nodes);
  args.kfd_process_device_apertures_ptr = reinterpret_cast<uintptr_t>(nodes);
  args.num_of_nodes = 4;
  ASSERT_EQ(call(abi::kGetProcessAperturesNew, args), 0);
  EXPECT_EQ(args.num_of_nodes, kGpus);
  EXPECT_NE(nodes[0].gpu_id, nodes[1].gpu_id);
  EXPECT_NE(nodes[0].gpu_id, 0u);
  EXPECT_GT(nodes[0].gpuvm_limit, nodes[0].gpuvm_base);
  EXPECT_EQ(nodes[2].gpu_id, 0xffffffffu);
  args.kfd_process_device_apertures_ptr = 0;
  EXPECT_EQ(call(abi::kGetProcessAperturesNew, args), EFAULT);
}

TEST(KfdCalls, TheClocksGoForward) {
  kfd_ioctl_get_clock_counters_args first{};
  first.gpu_id = gpu_id(0);
  kfd_ioctl_get_clock_counters_args second = first;
  ASSERT_EQ(call(abi::kGetClockCounters, first), 0);
  ASSERT_EQ(call(abi::kGetClockCounters, second), 0);
  EXPECT_GE(second.gpu_clock_counter, first.gpu_clock_counter);
  EXPECT_GE(second.cpu_clock_counter, first.cpu_clock_counter);
  EXPECT_EQ(first.system_clock_freq, 1000000000u);
}

TEST(KfdCalls, ASetUpCallNeedsAGpuThatIs) {
  kfd_ioctl_set_memory_policy_args policy{};
  EXPECT_EQ(call(abi::kSetMemoryPolicy, policy), EINVAL);
  policy.gpu_id = gpu_id(1);
  EXPECT_EQ(call(abi::kSetMemoryPolicy, policy), 0);
  kfd_ioctl_set_trap_handler_args trap{};
  EXPECT_EQ(call(abi::kSetTrapHandler, trap), EINVAL);
  kfd_ioctl_set_scratch_backing_va_args scratch{};
  EXPECT_EQ(call(abi::kSetScratchBackingVa, scratch), EINVAL);
  kfd_ioctl_get_tile_config_args tiles{};
  EXPECT_EQ(call(abi::kGetTileConfig, tiles), EINVAL);
  kfd_ioctl_get_available_memory_args memory{};
  EXPECT_EQ(call(abi::kAvailableMemory, memory), EINVAL);
}

TEST(KfdCalls, AcquireVmTakesTheGpusOwnRenderNode) {
  kfd_ioctl_acquire_vm_args args{};
  args.gpu_id = gpu_id(1);
  args.drm_fd = static_cast<uint32_t>(Node::get()->store().fd(0));
  EXPECT_EQ(call(abi::kAcquireVm, args), EINVAL);
  args.drm_fd = static_cast<uint32_t>(Node::get()->store().fd(1));
  EXPECT_EQ(call(abi::kAcquireVm, args), 0);
  args.drm_fd = 1 << 20;
  EXPECT_EQ(call(abi::kAcquireVm, args), EINVAL);
}

TEST(KfdCalls, XnackIsOffAndStaysOff) {
  kfd_ioctl_set_xnack_mode_args args{};
  args.xnack_enabled = -1;
  EXPECT_EQ(call(abi::kSetXnackMode, args), 0);
  EXPECT_EQ(args.xnack_enabled, 0);
  args.xnack_enabled = 1;
  EXPECT_EQ(call(abi::kSetXnackMode, args), EPERM);
}

class QueueCalls : public testing::Test {
 protected:
  void SetUp() override {
    memory_ = static_cast<uint8_t*>(
        mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(memory_, MAP_FAILED);
  }
  void TearDown() override { munmap(memory_, 3 * 4096); }
  // SDMA: its packets need no AQL queue structure around the indices.
  kfd_ioctl_create_queue_args good() const {
    kfd_ioctl_create_queue_args args{};
    args.ring_base_address = reinterpret_cast<uintptr_t>(memory_);
    args.read_pointer_address = args.ring_base_address + 4096;
    args.write_pointer_address = args.ring_base_address + 8192;
    args.ring_size = 4096;
    args.gpu_id = gpu_id(0);
    args.queue_type = KFD_IOC_QUEUE_TYPE_SDMA;
    args.queue_percentage = 100;
    args.queue_priority = 7;
    return args;
  }
  uint8_t* memory_ = nullptr;
};

TEST_F(QueueCalls, CreateUpdateDestroy) {
  auto args = good();
  ASSERT_EQ(call(abi::kCreateQueue, args), 0);
  EXPECT_EQ(args.doorbell_offset, Queues::doorbell_pages(0) + args.queue_id * 8);
  auto second = good();
  second.gpu_id = gpu_id(1);
  ASSERT_EQ(call(abi::kCreateQueue, second), 0);
  EXPECT_NE(second.queue_id, args.queue_id);
  EXPECT_EQ(second.doorbell_offset, Queues::doorbell_pages(1) + second.queue_id * 8);
  // libhsakmt masks the offset with the two pages, or, in ROCm 5.2 for a
  // process's first queue, with 32 bits.
  for (const auto& made : {args, second}) {
    EXPECT_EQ(made.doorbell_offset % Queues::kDoorbellBytes, made.queue_id * 8);
    EXPECT_EQ(made.doorbell_offset & 0xffffffff, made.queue_id * 8);
  }

  kfd_ioctl_update_queue_args update{};
  update.queue_id = args.queue_id;
  update.ring_base_address = args.ring_base_address;
  update.ring_size = args.ring_size;
  update.queue_percentage = 0;
  update.queue_priority = 15;
  EXPECT_EQ(call(abi::kUpdateQueue, update), 0);
  update.queue_percentage = 101;
  EXPECT_EQ(call(abi::kUpdateQueue, update), EINVAL);
  update.queue_percentage = 100;
  update.queue_priority = 16;
  EXPECT_EQ(call(abi::kUpdateQueue, update), EINVAL);
  update.queue_priority = 7;
  update.queue_id = 999;
  EXPECT_EQ(call(abi::kUpdateQueue, update), EINVAL);

  kfd_ioctl_alloc_queue_gws_args gws{};
  gws.queue_id = args.queue_id;
  EXPECT_EQ(call(abi::kAllocQueueGws, gws), 0);
  uint32_t bits[3] = {~0u, ~0u, ~0u};
  kfd_ioctl_set_cu_mask_args mask{};
  mask.queue_id = args.queue_id;
  mask.num_cu_mask = 96;
  mask.cu_mask_ptr = reinterpret_cast<uintptr_t>(bits);
  EXPECT_EQ(call(abi::kSetCuMask, mask), 0);
  mask.num_cu_mask = 31;
  EXPECT_EQ(call(abi::kSetCuMask, mask), EINVAL);

  kfd_ioctl_destroy_queue_args destroy{};
  destroy.queue_id = args.queue_id;
  EXPECT_EQ(call(abi::kDestroyQueue, destroy), 0);
  EXPECT_EQ(call(abi::kDestroyQueue, destroy), EINVAL);
  auto again = good();  // the id is free again
  ASSERT_EQ(call(abi::kCreateQueue, again), 0);
  EXPECT_EQ(again.queue_id, args.queue_id);
  destroy.queue_id = again.queue_id;
  EXPECT_EQ(call(abi::kDestroyQueue, destroy), 0);
  destroy.queue_id = second.queue_id;
  EXPECT_EQ(call(abi::kDestroyQueue, destroy), 0);
  gws.queue_id = args.queue_id;
  EXPECT_EQ(call(abi::kAllocQueueGws, gws), EINVAL);
}

TEST_F(QueueCalls, BadArgumentsAreRefused) {
  auto args = good();
  args.gpu_id = 1;
  EXPECT_EQ(call(abi::kCreateQueue, args), EINVAL);
  args = good();
  args.queue_percentage = 101;
  EXPECT_EQ(call(abi::kCreateQueue, args), EINVAL);
  args = good();
  args.queue_priority = 16;
  EXPECT_EQ(call(abi::kCreateQueue, args), EINVAL);
  args = good();
  args.queue_type = 77;
  EXPECT_EQ(call(abi::kCreateQueue, args), EINVAL);
  args = good();
  args.ring_size = 4000;
  EXPECT_EQ(call(abi::kCreateQueue, args), EINVAL);
  args = good();
  args.ring_base_address = 0;
  EXPECT_EQ(call(abi::kCreateQueue, args), EFAULT);
  args = good();
  args.read_pointer_address = 0;
  EXPECT_EQ(call(abi::kCreateQueue, args), EFAULT);
}

TEST(EventCalls, ASignalGetsAPlaceInTheEventPage) {
  kfd_ioctl_create_event_args args{};
  ASSERT_EQ(call(abi::kCreateEvent, args), 0);
  EXPECT_NE(args.event_page_offset, 0u);
  EXPECT_EQ(args.event_trigger_data, args.event_id);
  kfd_ioctl_destroy_event_args destroy{};
  destroy.event_id = args.event_id;
  EXPECT_EQ(call(abi::kDestroyEvent, destroy), 0);
  EXPECT_EQ(call(abi::kDestroyEvent, destroy), EINVAL);
}

}  // namespace
}  // namespace xsim::test
