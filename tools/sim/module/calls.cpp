// SPDX-License-Identifier: Apache-2.0
//
// See service.h: one request, from the socket to the core and back. Nothing in
// it is believed but the credentials, which the kernel puts there.

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "service.h"

namespace xsim::kmod {

namespace {

static_assert(kMaxItems == XSCHED_MAX_BATCH * sizeof(xsched_item));
static_assert(kMaxRows >= XSCHED_MAX_BATCH * sizeof(xsched_queue_info));
static_assert(kMaxRows >= XSCHED_MAX_BATCH * sizeof(xsched_node_info));

u64 address(const void* p) {
  return static_cast<u64>(reinterpret_cast<uintptr_t>(p));
}

// Reads what has been announced; it came in one piece with its header.
bool read_all(int fd, uint8_t* to, size_t bytes) {
  while (bytes != 0) {
    const ssize_t n = recv(fd, to, bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    bytes -= static_cast<size_t>(n);
  }
  return true;
}

// A list's rows, packed: the program spreads them to its own stride.
bool list_row(uint32_t number, uint32_t& row) {
  if (number == _IOC_NR(XSCHED_IOC_LIST_QUEUES)) {
    row = sizeof(xsched_queue_info);
  } else if (number == _IOC_NR(XSCHED_IOC_LIST_NODES)) {
    row = sizeof(xsched_node_info);
  } else {
    return false;
  }
  return true;
}

bool has_items(uint32_t number) {
  return number == _IOC_NR(XSCHED_IOC_SUSPEND) || number == _IOC_NR(XSCHED_IOC_RESUME);
}

}  // namespace

Service::Got Service::receive(File& file, Received& out) {
  iovec part{&out.request, sizeof out.request};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + 64];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n;
  do {
    n = recvmsg(file.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Got::kNothing;
  const Request& r = out.request;
  out.pid = 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_CREDENTIALS) {
      ucred who;
      std::memcpy(&who, CMSG_DATA(c), sizeof who);
      out.pid = who.pid;
    } else if (c->cmsg_type == SCM_RIGHTS) {
      int fd;  // nobody asked for it
      for (size_t at = CMSG_LEN(0); at + sizeof fd <= c->cmsg_len; at += sizeof fd) {
        std::memcpy(&fd, reinterpret_cast<char*>(c) + at, sizeof fd);
        ::close(fd);
      }
    }
  }
  // Whatever else is written to the descriptor ends it, as nothing in the
  // stream could be trusted after it.
  if (n != sizeof r || r.magic != kMagic || r.bytes > kMaxStructure || r.extra > kMaxItems) {
    return Got::kEnd;
  }
  out.body.resize(size_t{r.bytes} + r.extra);
  return read_all(file.fd, out.body.data(), out.body.size()) ? Got::kRequest : Got::kEnd;
}

void Service::handle(File& file, const Received& received) {
  if (received.request.verb == kOpen) {
    open(file, received.request);
  } else if (received.request.verb == kCall && file.file) {
    call(file, received);
  }
}

void Service::open(File& file, const Request& request) {
  OpenReply answer{kMagic, 0};
  if (!file.file) {
    // A node belongs to a user, who is its administrator.
    const bool owner = file.uid == getuid() || file.uid == 0;
    const u32 flags =
        owner && (request.cmd & kNoControl) == 0 ? XS_FILE_ADMIN | XS_FILE_CONTROL : 0u;
    file.file = xs_file_open(core_, flags, &file);
    if (!file.file) answer.error = ENOMEM;
  }
  send(file.fd, &answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Service::call(File& file, const Received& received) {
  const Request& r = received.request;
  const uint32_t number = _IOC_NR(r.cmd);
  // The core takes addresses: it gets copies, and a null pointer for a bad one.
  alignas(8) uint8_t structure[kMaxStructure] = {};
  std::copy_n(received.body.begin(), r.bytes, structure);
  std::vector<uint8_t> items(received.body.begin() + r.bytes, received.body.end());
  u64 place = 0;  // what the structure said
  __u64* pointer = nullptr;
  u32 stride = 0, row = 0;
  auto* list = reinterpret_cast<xsched_list_queues*>(structure);
  if (has_items(number) && r.bytes >= sizeof(xsched_resume)) {
    pointer = number == _IOC_NR(XSCHED_IOC_SUSPEND)
                  ? &reinterpret_cast<xsched_suspend*>(structure)->items
                  : &reinterpret_cast<xsched_resume*>(structure)->items;
    place = *pointer;
    const bool all = number == _IOC_NR(XSCHED_IOC_RESUME) &&
                     (reinterpret_cast<xsched_resume*>(structure)->flags & XSCHED_RESUME_ALL);
    const u32 count = number == _IOC_NR(XSCHED_IOC_SUSPEND)
                          ? reinterpret_cast<xsched_suspend*>(structure)->count
                          : reinterpret_cast<xsched_resume*>(structure)->count;
    // The core reads as many as the structure says.
    const bool good = r.has_items != 0 && items.size() >= size_t{count} * sizeof(xsched_item);
    // RESUME_ALL refuses a pointer that is not null, whatever it leads to.
    if (!all) *pointer = good ? address(items.data()) : 0;
  } else if (list_row(number, row) && r.bytes >= sizeof *list) {
    pointer = &list->entries;
    place = *pointer;
    stride = list->entry_size;
    if (stride >= row && stride <= kMaxStructure && list->count <= XSCHED_MAX_BATCH) {
      items.resize(size_t{list->count} * row);
      list->entry_size = row;
    }
    *pointer = items.empty() ? 0 : address(items.data());
  }
  const u32 asked = row != 0 ? list->count : 0;

  // Whose a queue is stays so: an exec just before must not be overlooked.
  Task* task = tasks_.get(received.pid, number == _IOC_NR(XSCHED_IOC_REGISTER_QUEUE));
  long result = -ESRCH;
  if (task) {
    const xs_task caller = task->core();
    result = xs_ioctl(file.file, &caller, r.cmd, r.bytes != 0 ? structure : nullptr);
    tasks_.unref(task);
  }
  // What happened can be read before the call returns, as in the kernel.
  flush();

  size_t extra = has_items(number) && pointer ? items.size() : 0;
  if (row != 0 && pointer) {
    extra = result == 0 ? size_t{list->count} * row : 0;
    if (result != 0) {
      list->count = asked;
      list->entry_size = stride;
    }
  }
  if (pointer) *pointer = place;
  reply(r, result, structure, r.bytes, items.data(), static_cast<uint32_t>(extra));
}

void Service::reply(const Request& request, long result, const void* structure, uint32_t bytes,
                    const void* extra, uint32_t extra_bytes) {
  // One a thread: what a stopped program has not fetched counts against it.
  thread_local int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  Reply answer{kMagic, static_cast<int32_t>(result), request.id, bytes, extra_bytes};
  iovec parts[3] = {{&answer, sizeof answer},
                    {const_cast<void*>(structure), bytes},
                    {const_cast<void*>(extra), extra_bytes}};
  char name[sizeof request.reply_to + 1] = {};
  std::memcpy(name, request.reply_to, sizeof request.reply_to);
  Address to = abstract_address(name);
  msghdr message{};
  message.msg_name = &to.un;
  message.msg_namelen = to.size;
  message.msg_iov = parts;
  message.msg_iovlen = 3;
  if (sendmsg(out, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return;  // the caller is gone
  ::close(out);
  out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sendmsg(out, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace xsim::kmod
