// SPDX-License-Identifier: Apache-2.0
//
// What the preloaded library and the module's service say to one another.
//
// An open file is a connected stream socket. Towards the service it carries
// requests, each sent whole by one sendmsg(); towards the program it carries
// one OpenReply and then events (struct xsched_event), nothing else: answers go
// to a datagram socket of the calling thread, whose address the request names.
// So calls of several threads on one file do not mix, and events are what
// read() and poll() of the file are about.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

namespace xsim::kmod {

inline constexpr uint32_t kMagic = 0x314d5358;  // "XSM1"; another format is another number

enum Verb : uint32_t { kOpen = 1, kCall = 2 };
enum OpenFlag : uint32_t { kNoControl = 1 };  // what an ordinary user would get

inline constexpr uint32_t kMaxStructure = 4096;  // uapi/xsched.h: E2BIG above
inline constexpr uint32_t kMaxItems = 256 * 24;  // XSCHED_MAX_BATCH
inline constexpr uint32_t kMaxRows = 256 * 128;  // rows of a list, packed
inline constexpr const char* kReplyPrefix = "xsched-sim-reply-";

struct Request {
  uint32_t magic;
  uint32_t verb;
  uint32_t cmd;        // kCall: the ioctl; kOpen: OpenFlag
  uint32_t bytes;      // of the structure, which follows; 0: its pointer is bad
  uint32_t extra;      // of the items, which follow that
  uint32_t has_items;  // the pointer to them is good
  uint64_t id;         // comes back in the answer
  char reply_to[32];   // abstract address without its leading zero, zero-terminated
};

struct OpenReply {
  uint32_t magic;
  int32_t error;  // 0 or errno
};

// Then the structure and the items or rows, as the call left them.
struct Reply {
  uint32_t magic;
  int32_t result;  // 0 or negative errno
  uint64_t id;
  uint32_t bytes;
  uint32_t extra;
};

struct Address {
  sockaddr_un un;
  socklen_t size;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&un); }
};

// An abstract address; `name` must be shorter than sun_path.
inline Address abstract_address(const char* name) {
  Address a;
  std::memset(&a.un, 0, sizeof a.un);
  a.un.sun_family = AF_UNIX;
  const size_t length = strnlen(name, sizeof a.un.sun_path - 2);
  std::memcpy(a.un.sun_path + 1, name, length);
  a.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  return a;
}

inline constexpr const char* kServicePrefix = "xsched-sim-module-";

// Where the service of a node listens. A node belongs to a user.
inline std::string service_name(const std::string& node) {
  return kServicePrefix + std::to_string(getuid()) + "-" + node;
}

}  // namespace xsim::kmod
