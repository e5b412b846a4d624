// SPDX-License-Identifier: Apache-2.0
//
// See reply_socket.h.

#include "reply_socket.h"

#include <atomic>
#include <cstdio>
#include <cstring>

#include "wire.h"

namespace xsim::kmod {

namespace {

constexpr int kKept = 16;
// pid << 32 | descriptor + 1; 0: empty.
std::atomic<uint64_t> g_kept[kKept];
std::atomic<uint64_t> g_next{1};

uint64_t entry(int fd) {
  return static_cast<uint64_t>(static_cast<uint32_t>(getpid())) << 32 |
         static_cast<uint32_t>(fd + 1);
}

// The program may have closed the descriptor and got the number for something
// else, so what it is bound to is looked at.
bool own_name(int fd, char (&address)[32]) {
  Address a;
  a.size = sizeof a.un;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&a.un), &a.size) != 0) return false;
  const size_t head = offsetof(sockaddr_un, sun_path) + 1;
  const size_t prefix = std::strlen(kReplyPrefix);
  if (a.un.sun_family != AF_UNIX || a.size <= head + prefix || a.size - head >= sizeof address ||
      std::memcmp(a.un.sun_path + 1, kReplyPrefix, prefix) != 0) {
    return false;
  }
  std::memset(address, 0, sizeof address);
  std::memcpy(address, a.un.sun_path + 1, a.size - head);
  return true;
}

int make(char (&address)[32]) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  // Only so that a service that died is noticed.
  const timeval limit{0, 200'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::snprintf(address, sizeof address, "%s%x-%x", kReplyPrefix,
                  static_cast<unsigned>(getpid()) & 0x3fffff,
                  static_cast<unsigned>(g_next.fetch_add(1)) & 0xfffffff);
    const Address a = abstract_address(address);
    if (bind(fd, a.get(), a.size) == 0) return fd;
    if (errno != EADDRINUSE) break;
  }
  close(fd);
  return -1;
}

}  // namespace

bool ReplySocket::take(char (&address)[32]) {
  for (std::atomic<uint64_t>& kept : g_kept) {
    if (kept.load(std::memory_order_relaxed) == 0) continue;
    const uint64_t value = kept.exchange(0);
    if (value == 0) continue;
    const int fd = static_cast<int>(static_cast<uint32_t>(value)) - 1;
    if (!own_name(fd, address)) continue;  // not ours any more
    if (value == entry(fd)) {
      fd_ = fd;
      return true;
    }
    close(fd);  // the parent's, from before a fork
  }
  fd_ = make(address);
  return fd_ >= 0;
}

ReplySocket::~ReplySocket() {
  if (fd_ < 0) return;
  for (std::atomic<uint64_t>& kept : g_kept) {
    uint64_t none = 0;
    if (kept.compare_exchange_strong(none, entry(fd_))) return;
  }
  close(fd_);
}

uint64_t ReplySocket::next_id() {
  return g_next.fetch_add(1) << 24 | static_cast<uint64_t>(getpid());
}

}  // namespace xsim::kmod
