// SPDX-License-Identifier: Apache-2.0
//
// See client.h. Marshals what a call points to. Whether a pointer is good is
// asked of the kernel (process_vm_readv on ourselves), so that a bad one is
// EFAULT, not a crash.

#include "client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "../../../uapi/xsched.h"
#include "../base/log.h"
#include "reply_socket.h"
#include "start.h"
#include "wire.h"

namespace xsim::kmod {

namespace {

std::atomic<bool> g_used{false};

bool copy(void* local, uintptr_t place, size_t bytes, bool out) {
  if (bytes == 0) return true;
  iovec here{local, bytes};
  iovec there{reinterpret_cast<void*>(place), bytes};
  const ssize_t done = out ? process_vm_writev(getpid(), &here, 1, &there, 1, 0)
                           : process_vm_readv(getpid(), &here, 1, &there, 1, 0);
  if (done == static_cast<ssize_t>(bytes)) return true;
  if (done >= 0 || errno == EFAULT) return false;
  // Forbidden here (seccomp): the pointer is believed.
  if (place == 0) return false;
  std::memcpy(out ? reinterpret_cast<void*>(place) : local,
              out ? local : reinterpret_cast<void*>(place), bytes);
  return true;
}

bool copy_in(void* to, uintptr_t from, size_t bytes) {
  return copy(to, from, bytes, false);
}

bool copy_out(uintptr_t to, const void* from, size_t bytes) {
  return copy(const_cast<void*>(from), to, bytes, true);
}

// Sizes of version 1.0, by number.
uint32_t known_size(uint32_t number) {
  switch (number) {
    case _IOC_NR(XSCHED_IOC_QUERY):
      return sizeof(xsched_query);
    case _IOC_NR(XSCHED_IOC_REGISTER_QUEUE):
      return sizeof(xsched_register_queue);
    case _IOC_NR(XSCHED_IOC_UNREGISTER_QUEUE):
      return sizeof(xsched_unregister_queue);
    case _IOC_NR(XSCHED_IOC_LIST_QUEUES):
    case _IOC_NR(XSCHED_IOC_LIST_NODES):
      return sizeof(xsched_list_queues);
    case _IOC_NR(XSCHED_IOC_SUSPEND):
      return sizeof(xsched_suspend);
    case _IOC_NR(XSCHED_IOC_RESUME):
      return sizeof(xsched_resume);
    case _IOC_NR(XSCHED_IOC_SUSPEND_PROCESS):
    case _IOC_NR(XSCHED_IOC_RESUME_PROCESS):
      return sizeof(xsched_process);
    case _IOC_NR(XSCHED_IOC_RENEW):
      return sizeof(xsched_renew);
    case _IOC_NR(XSCHED_IOC_LISTEN):
      return sizeof(xsched_listen);
    default:
      return 0;
  }
}

// One call: what goes out, and where what comes back belongs.
struct Call {
  Request request{};
  alignas(8) uint8_t structure[kMaxStructure];
  std::vector<uint8_t> items;  // out: items; in: items or rows
  uintptr_t items_place = 0;
  uint32_t row_stride = 0;  // of a list; 0: the array is as it came
};

// The array that a structure points to. What the module will refuse (a count
// that is too large) is not looked at.
void take_items(Call& c, uint32_t number) {
  uint32_t count = 0;
  if (number == _IOC_NR(XSCHED_IOC_SUSPEND)) {
    xsched_suspend s;
    std::memcpy(&s, c.structure, sizeof s);
    count = s.count;
    c.items_place = s.items;
  } else if (number == _IOC_NR(XSCHED_IOC_RESUME)) {
    xsched_resume r;
    std::memcpy(&r, c.structure, sizeof r);
    count = r.flags & XSCHED_RESUME_ALL ? 0 : r.count;
    c.items_place = r.items;
  } else {
    if (number == _IOC_NR(XSCHED_IOC_LIST_QUEUES) || number == _IOC_NR(XSCHED_IOC_LIST_NODES)) {
      xsched_list_queues l;
      std::memcpy(&l, c.structure, sizeof l);
      c.items_place = l.entries;
      c.row_stride = l.entry_size;
    }
    return;
  }
  if (count == 0 || count > XSCHED_MAX_BATCH) return;
  c.items.resize(count * sizeof(xsched_item));
  if (copy_in(c.items.data(), c.items_place, c.items.size())) {
    c.request.has_items = 1;
    c.request.extra = static_cast<uint32_t>(c.items.size());
  }
}

void take_structure(Call& c, uint32_t number, uintptr_t argument) {
  uint32_t size = 0;
  if (!copy_in(&size, argument, sizeof size)) return;
  const uint32_t known = known_size(number);
  if (size < known || size > kMaxStructure || known == 0) {
    // The size alone decides.
    std::memcpy(c.structure, &size, sizeof size);
    c.request.bytes = sizeof size;
    return;
  }
  if (!copy_in(c.structure, argument, size)) return;
  std::memcpy(c.structure, &size, sizeof size);  // it may have changed meanwhile
  c.request.bytes = size;
  take_items(c, number);
}

// Whole: a request is one piece of the stream, whoever else sends.
int send_request(int fd, const Request& request, const void* structure, const void* items) {
  iovec parts[3] = {{const_cast<Request*>(&request), sizeof request},
                    {const_cast<void*>(structure), request.bytes},
                    {const_cast<void*>(items), request.extra}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 3;
  for (;;) {
    if (sendmsg(fd, &message, MSG_NOSIGNAL) >= 0) return 0;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return ENODEV;
    pollfd writable{fd, POLLOUT, 0};  // an O_NONBLOCK file; ioctl() blocks all the same
    poll(&writable, 1, -1);
  }
}

bool hung_up(int fd) {
  pollfd p{fd, 0, 0};
  return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

// The answer, or ENODEV if the service is gone (which no kernel module is).
int receive_reply(const ReplySocket& socket, int fd, uint64_t id, std::vector<uint8_t>& bytes) {
  for (;;) {
    const ssize_t n = recv(socket.fd(), bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return ENODEV;
    if (n < 0) {  // the socket's own time limit
      if (!hung_up(fd)) continue;
      // It may have answered just before.
      if (recv(socket.fd(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT) < 0) return ENODEV;
      continue;
    }
    Reply reply;
    if (static_cast<size_t>(n) < sizeof reply) continue;
    std::memcpy(&reply, bytes.data(), sizeof reply);
    if (reply.magic != kMagic || reply.id != id) continue;
    if (static_cast<size_t>(n) != sizeof reply + reply.bytes + reply.extra) return ENODEV;
    bytes.resize(static_cast<size_t>(n));
    return 0;
  }
}

// 0 or errno.
int give_back(const Call& c, uintptr_t argument, const std::vector<uint8_t>& bytes) {
  Reply reply;
  std::memcpy(&reply, bytes.data(), sizeof reply);
  const uint8_t* structure = bytes.data() + sizeof reply;
  const uint8_t* items = structure + reply.bytes;
  const uint32_t number = _IOC_NR(c.request.cmd);
  bool good = true;
  if (c.row_stride != 0 && reply.extra != 0) {
    xsched_list_queues l;
    std::memcpy(&l, structure, sizeof l);
    const uint32_t row = l.count != 0 ? reply.extra / l.count : 0;
    for (uint32_t i = 0; i < l.count; ++i) {
      good = good && copy_out(c.items_place + static_cast<uintptr_t>(i) * c.row_stride,
                              items + static_cast<size_t>(i) * row, row);
    }
  } else if (reply.extra != 0) {
    good = copy_out(c.items_place, items, reply.extra);
  }
  // The size is the caller's, and what the module does not know is left alone.
  const uint32_t known = known_size(number);
  if (reply.bytes >= known && known != 0) {
    good = copy_out(argument, structure, known) && good;
  }
  if (reply.result != 0) return -reply.result;
  return good ? 0 : EFAULT;
}

int call_or_errno(int fd, unsigned long request, void* argument) {
  auto c = std::make_unique<Call>();
  const uint32_t number = _IOC_NR(request);
  const auto place = reinterpret_cast<uintptr_t>(argument);
  c->request.magic = kMagic;
  c->request.verb = kCall;
  c->request.cmd = static_cast<uint32_t>(request);
  take_structure(*c, number, place);
  ReplySocket reply;
  if (!reply.take(c->request.reply_to)) return ENOMEM;
  c->request.id = reply.next_id();
  std::vector<uint8_t> bytes(sizeof(Reply) + c->request.bytes +
                             (c->row_stride != 0 ? kMaxRows : c->request.extra));
  if (const int error = send_request(fd, c->request, c->structure, c->items.data())) return error;
  if (const int error = receive_reply(reply, fd, c->request.id, bytes)) return error;
  return give_back(*c, place, bytes);
}

}  // namespace

bool is_file(int fd) {
  Address a;
  a.size = sizeof a.un;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&a.un), &a.size) != 0) return false;
  const size_t prefix = std::strlen(kServicePrefix);
  return a.un.sun_family == AF_UNIX && a.size > offsetof(sockaddr_un, sun_path) + 1 + prefix &&
         a.un.sun_path[0] == '\0' && std::memcmp(a.un.sun_path + 1, kServicePrefix, prefix) == 0;
}

int call(int fd, unsigned long request, void* argument) {
  g_used.store(true, std::memory_order_relaxed);
  int error = ENOMEM;
  try {
    error = call_or_errno(fd, request, argument);
  } catch (const std::bad_alloc&) {
  }
  if (error == 0) return 0;
  errno = error;
  return -1;
}

bool wants_whole_events(int fd, size_t bytes) {
  if (!g_used.load(std::memory_order_relaxed)) return false;
  return (bytes == 0 || bytes % sizeof(xsched_event) != 0) && is_file(fd);
}

int open_file(const std::string& node, int flags, bool control) {
  g_used.store(true, std::memory_order_relaxed);
  std::string error;
  int fd = -1;
  int code = ENOMEM;
  try {
    code = connect_to_service(node, fd, error);
    Request request{};
    OpenReply reply{};
    // A service that is about to end may have taken the connection with it:
    // then there is no answer, and the next one is asked.
    for (int attempt = 0; code == 0; ++attempt) {
      request.magic = kMagic;
      request.verb = kOpen;
      request.cmd = control ? 0u : static_cast<uint32_t>(kNoControl);
      ssize_t n = -1;
      if (send_request(fd, request, nullptr, nullptr) == 0) {
        do {
          n = recv(fd, &reply, sizeof reply, MSG_WAITALL);
        } while (n < 0 && errno == EINTR);
      }
      if (n == sizeof reply && reply.magic == kMagic) {
        code = reply.error;
        break;
      }
      close(fd);
      fd = -1;
      if (attempt == 20) {
        code = ENODEV;
        error = "the service of /dev/xsched does not answer";
      } else {
        code = connect_to_service(node, fd, error);
      }
    }
  } catch (const std::bad_alloc&) {
    code = ENOMEM;
  }
  if (code != 0) {
    if (!error.empty()) log(LogLevel::kError, "/dev/xsched: %s", error.c_str());
    if (fd >= 0) close(fd);
    errno = code;
    return -1;
  }
  if ((flags & O_CLOEXEC) == 0) fcntl(fd, F_SETFD, 0);
  if ((flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace xsim::kmod
