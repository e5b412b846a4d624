// SPDX-License-Identifier: Apache-2.0
//
// Several processes on one node: a child of fork() starts anew, memory is
// shared by handle, and what the dead held comes back.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "own_node.h"

namespace xsim::test {
namespace {

constexpr uint32_t kVram = KFD_IOC_ALLOC_MEM_FLAGS_VRAM | KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE |
                           KFD_IOC_ALLOC_MEM_FLAGS_PUBLIC;
constexpr uint64_t kSize = 2ull << 20;

// Runs `body` in a child; its result (0 to 125) or 126 if it died.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return 126;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

uint64_t available() {
  kfd_ioctl_get_available_memory_args args{};
  args.gpu_id = gpu_id(0);
  EXPECT_EQ(call(abi::kAvailableMemory, args), 0);
  return args.available;
}

TEST(Fork, AChildThatDoesNothingIsFine) {
  ASSERT_NE(Node::get(), nullptr);
  EXPECT_EQ(in_child([] { return 0; }), 0);
  EXPECT_EQ(in_child([] { return Node::current() == nullptr ? 0 : 1; }), 0);
}

TEST(Fork, TheParentsDescriptorIsDeadInTheChild) {
  Node* node = Node::get();
  const int fd = node->open_kfd();
  EXPECT_TRUE(node->is_kfd(fd));
  EXPECT_FALSE(is_inherited_kfd(fd));
  EXPECT_EQ(in_child([&] { return is_inherited_kfd(fd) ? 0 : 1; }), 0);
  EXPECT_EQ(in_child([&] {
              Node* own = Node::get();
              if (!own) return 1;
              return is_inherited_kfd(fd) && !own->is_kfd(fd) ? 0 : 2;
            }),
            0);
  close(fd);
}

TEST(Fork, TheChildHasANodeOfItsOwn) {
  TestBuffer mine = make_buffer(kSize, kVram);
  ASSERT_EQ(map_buffer(mine), 0);
  const int result = in_child([&] {
    if (map_buffer(mine) != EINVAL) return 1;  // the parent's handle
    if (reachable(mine.place())) return 2;
    TestBuffer own = make_buffer(kSize, kVram);
    if (own.error != 0) return 3;
    if (own.offset == mine.offset) return 4;
    return map_buffer(own) == 0 ? 0 : 5;
  });
  EXPECT_EQ(result, 0);
  ASSERT_EQ(unmap_buffer(mine), 0);
  EXPECT_EQ(free_buffer(mine), 0);
}

TEST(Sharing, AnIpcHandleReachesTheSameMemory) {
  TestBuffer mine = make_buffer(kSize, kVram);
  std::memset(mine.address, 3, kSize);
  abi::IpcExportArgs exported{};
  exported.handle = mine.handle;
  exported.gpu_id = gpu_id(0);
  exported.flags = 0x1234;
  ASSERT_EQ(call(abi::kIpcExport, exported), 0);
  const int result = in_child([&] {
    abi::IpcImportArgs import{};
    std::memcpy(import.share_handle, exported.share_handle, sizeof import.share_handle);
    import.gpu_id = gpu_id(0);
    TestBuffer theirs;
    theirs.bytes = kSize;
    theirs.address = reserve(kSize);
    import.va_addr = theirs.place();
    if (call(abi::kIpcImport, import) != 0) return 1;
    if (import.flags != 0x1234) return 2;
    theirs.handle = import.handle;
    if (map_buffer(theirs) != 0) return 3;
    if (theirs.address[kSize - 1] != 3) return 4;
    theirs.address[0] = 4;
    return 0;
  });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(mine.address[0], 4);
  EXPECT_EQ(free_buffer(mine), 0);
  abi::IpcImportArgs late{};
  std::memcpy(late.share_handle, exported.share_handle, sizeof late.share_handle);
  EXPECT_EQ(call(abi::kIpcImport, late), EINVAL);  // nobody holds it any more
}

TEST(Sharing, ADmabufDescriptorWorksInAnotherProcess) {
  TestBuffer mine = make_buffer(kSize, kVram);
  mine.address[5] = 55;
  abi::ExportDmabufArgs exported{};
  exported.handle = mine.handle;
  ASSERT_EQ(call(abi::kExportDmabuf, exported), 0);
  const int result = in_child([&] {
    TestBuffer theirs;
    theirs.bytes = kSize;
    theirs.address = reserve(kSize);
    kfd_ioctl_import_dmabuf_args import{};
    import.va_addr = theirs.place();
    import.gpu_id = gpu_id(0);
    import.dmabuf_fd = exported.dmabuf_fd;
    if (call(abi::kImportDmabuf, import) != 0) return 1;
    theirs.handle = import.handle;
    if (map_buffer(theirs) != 0) return 2;
    return theirs.address[5] == 55 ? 0 : 3;
  });
  EXPECT_EQ(result, 0);
  close(static_cast<int>(exported.dmabuf_fd));
  EXPECT_EQ(free_buffer(mine), 0);
}

TEST(Sharing, WhatADeadProcessHeldComesBack) {
  const uint64_t before = available();
  uint64_t* offset = static_cast<uint64_t*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const int result = in_child([&]() -> int {
    TestBuffer buffer = make_buffer(kSize, kVram);
    if (buffer.error != 0) return 1;
    buffer.address[0] = 77;
    *offset = buffer.offset;
    kill(getpid(), SIGKILL);
    return 2;
  });
  EXPECT_EQ(result, 126);
  ASSERT_NE(*offset, 0u);
  // The next process of the node clears up after it.
  EXPECT_EQ(in_child([] { return Node::get() ? 0 : 1; }), 0);
  uint8_t byte = 9;
  ASSERT_EQ(pread(Node::get()->store().fd(0), &byte, 1, static_cast<off_t>(*offset)), 1);
  EXPECT_EQ(byte, 0);
  EXPECT_EQ(available(), before);
  munmap(offset, 4096);
}

TEST(Sharing, AnotherNumberOfGpusIsRefused) {
  std::string error;
  EXPECT_EQ(Store::open(Node::get()->config().name, kGpus + 1, error), nullptr);
  EXPECT_NE(error.find("XSCHED_SIM_NODE"), std::string::npos) << error;
}

}  // namespace
}  // namespace xsim::test
