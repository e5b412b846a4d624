// SPDX-License-Identifier: Apache-2.0
//
// Description: memory made by hand (hipMemCreate) and a memory pool's, shared
// with another process as file descriptors: the child, a new program, maps the
// one, opens the other, reads what the parent wrote and changes it.
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "steps.h"

struct Message {
  size_t piece;
  hipMemPoolPtrExportData pointer;
};

// Two descriptors travel with the message.
union Control {
  char bytes[CMSG_SPACE(2 * sizeof(int))];
  cmsghdr align;
};

static msghdr header(iovec* data, Control* control) {
  msghdr message = {};
  message.msg_iov = data;
  message.msg_iovlen = 1;
  message.msg_control = control->bytes;
  message.msg_controllen = sizeof control->bytes;
  return message;
}

static void send(int socket, Message message, const int (&fds)[2]) {
  iovec data = {&message, sizeof message};
  Control control = {};
  const msghdr all = header(&data, &control);
  cmsghdr* const rights = CMSG_FIRSTHDR(&all);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(rights), fds, sizeof fds);
  CHECK(sendmsg(socket, &all, 0) == static_cast<ssize_t>(sizeof message));
}

static Message receive(int socket, int (&fds)[2]) {
  Message message = {};
  iovec data = {&message, sizeof message};
  Control control = {};
  msghdr all = header(&data, &control);
  CHECK(recvmsg(socket, &all, 0) == static_cast<ssize_t>(sizeof message));
  const cmsghdr* const rights = CMSG_FIRSTHDR(&all);
  CHECK(rights != nullptr && rights->cmsg_len == CMSG_LEN(sizeof fds));
  std::memcpy(fds, CMSG_DATA(rights), sizeof fds);
  return message;
}

static hipMemLocation first_device() {
  return {hipMemLocationTypeDevice, 0};
}

// `memory` at an address of this process.
class Mapping {
 public:
  Mapping(hipMemGenericAllocationHandle_t memory, size_t piece) : memory_(memory), piece_(piece) {
    CHECK_HIP(hipMemAddressReserve(&base_, piece, 0, nullptr, 0));
    CHECK_HIP(hipMemMap(base_, piece, 0, memory, 0));
    hipMemAccessDesc access = {};
    access.location = first_device();
    access.flags = hipMemAccessFlagsProtReadWrite;
    CHECK_HIP(hipMemSetAccess(base_, piece, &access, 1));
  }
  ~Mapping() {
    (void)hipMemUnmap(base_, piece_);
    (void)hipMemRelease(memory_);
    (void)hipMemAddressFree(base_, piece_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  unsigned* get() const { return static_cast<unsigned*>(base_); }

 private:
  hipMemGenericAllocationHandle_t memory_;
  size_t piece_;
  void* base_ = nullptr;
};

static int child() {
  int fds[2] = {-1, -1};
  Message message = receive(STDIN_FILENO, fds);
  hipMemGenericAllocationHandle_t memory = nullptr;
  // HIP 6.4 wants the address of the one and the other's value.
  CHECK_HIP(hipMemImportFromShareableHandle(&memory, &fds[0], hipMemHandleTypePosixFileDescriptor));
  const Mapping mapping(memory, message.piece);
  hipMemPool_t pool = nullptr;
  CHECK_HIP(hipMemPoolImportFromShareableHandle(&pool, reinterpret_cast<void*>(uintptr_t(fds[1])),
                                                hipMemHandleTypePosixFileDescriptor, 0));
  void* opened = nullptr;
  CHECK_HIP(hipMemPoolImportPointer(&opened, pool, &message.pointer));
  check::Stream stream(hipStreamNonBlocking);
  check::launch_step(mapping.get(), 2, stream.get());
  check::launch_step(static_cast<unsigned*>(opened), 2, stream.get());
  stream.wait();
  CHECK_HIP(hipFreeAsync(opened, stream.get()));
  stream.wait();
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--child") return child();
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  // Forked before HIP starts: the child execs at once, with the socket as stdin.
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    dup2(ends[0], STDIN_FILENO);
    execl("/proc/self/exe", argv[0], "--child", nullptr);
    _exit(126);
  }
  close(ends[0]);
  hipMemAllocationProp shared = {};
  shared.type = hipMemAllocationTypePinned;
  shared.requestedHandleType = hipMemHandleTypePosixFileDescriptor;
  shared.location = first_device();
  Message message = {};
  CHECK_HIP(hipMemGetAllocationGranularity(&message.piece, &shared,
                                           hipMemAllocationGranularityRecommended));
  hipMemGenericAllocationHandle_t memory = nullptr;
  CHECK_HIP(hipMemCreate(&memory, message.piece, &shared, 0));
  const Mapping mapping(memory, message.piece);
  hipMemPoolProps properties = {};
  properties.allocType = hipMemAllocationTypePinned;
  properties.handleTypes = hipMemHandleTypePosixFileDescriptor;
  properties.location = first_device();
  hipMemPool_t pool = nullptr;
  CHECK_HIP(hipMemPoolCreate(&pool, &properties));
  check::Stream stream(hipStreamNonBlocking);
  unsigned* of_pool = nullptr;
  CHECK_HIP(hipMallocFromPoolAsync(reinterpret_cast<void**>(&of_pool), check::kBytes, pool,
                                   stream.get()));
  unsigned* const both[] = {mapping.get(), of_pool};
  for (unsigned* const values : both) {
    CHECK_HIP(hipMemsetD32Async(values, 8, check::kCount, stream.get()));
    check::launch_step(values, 1, stream.get());
  }
  stream.wait();
  int fds[2] = {-1, -1};
  CHECK_HIP(hipMemExportToShareableHandle(&fds[0], memory, hipMemHandleTypePosixFileDescriptor, 0));
  CHECK_HIP(
      hipMemPoolExportToShareableHandle(&fds[1], pool, hipMemHandleTypePosixFileDescriptor, 0));
  CHECK_HIP(hipMemPoolExportPointer(&message.pointer, of_pool));
  send(ends[1], message, fds);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  check::Expected expected(8);
  expected.step(1);
  expected.step(2);
  std::vector<unsigned> result(check::kCount);
  for (unsigned* const values : both) {
    CHECK_HIP(hipMemcpy(result.data(), values, check::kBytes, hipMemcpyDeviceToHost));
    CHECK(result == expected.values());
  }
  std::printf("last %u\n", expected.last());
  CHECK_HIP(hipFreeAsync(of_pool, stream.get()));
  stream.wait();
  CHECK_HIP(hipMemPoolDestroy(pool));
  // HIP 6.4.3 leaves the file that it made to export the pool.
  char name[32];
  std::snprintf(name, sizeof name, "%p", static_cast<void*>(pool));
  (void)shm_unlink(name);
  return check::pass();
}
