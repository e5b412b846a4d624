// SPDX-License-Identifier: Apache-2.0
//
// See protocol.h.
#include "protocol.h"

#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace xsched {
namespace {

template <typename Message>
Request take(std::span<const std::byte> bytes, std::string& error) {
  Message message;
  if (bytes.size() != sizeof(Message)) {
    error = "a message of " + std::to_string(bytes.size()) + " bytes where " +
            std::to_string(sizeof(Message)) + " are due";
    return {};
  }
  memcpy(&message, bytes.data(), sizeof message);
  return message;
}

}  // namespace

MessageType message_type(std::span<const std::byte> bytes) {
  MessageHeader header;
  if (bytes.size() < sizeof header) return MessageType{0};
  memcpy(&header, bytes.data(), sizeof header);
  const bool ours =
      header.magic == kProtocolMagic && header.abi == kProtocolAbi && header.size == bytes.size();
  return ours ? static_cast<MessageType>(header.type) : MessageType{0};
}

Request parse_request(std::span<const std::byte> bytes, std::string& error) {
  MessageHeader header;
  if (bytes.size() < sizeof header) {
    error = "a message of " + std::to_string(bytes.size()) + " bytes is shorter than a header";
    return {};
  }
  memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kProtocolMagic) {
    error = "not a message of xsched (magic " + std::to_string(header.magic) + ")";
    return {};
  }
  if (header.abi != kProtocolAbi) {
    error = "protocol " + std::to_string(header.abi) + ", this side has " +
            std::to_string(kProtocolAbi) + ": use one version of xsched";
    return {};
  }
  if (header.size != bytes.size()) {
    error = "a message of " + std::to_string(bytes.size()) + " bytes that claims " +
            std::to_string(header.size);
    return {};
  }
  switch (static_cast<MessageType>(header.type)) {
    case MessageType::kHello:
      return take<HelloMessage>(bytes, error);
    case MessageType::kStart:
      return take<StartMessage>(bytes, error);
    case MessageType::kResync:
      return take<ResyncMessage>(bytes, error);
    case MessageType::kInfoRequest:
      return take<InfoRequest>(bytes, error);
    case MessageType::kListRequest:
      return take<ListRequest>(bytes, error);
    case MessageType::kProcessRequest:
      return take<ProcessRequest>(bytes, error);
    case MessageType::kHoldRequest:
      return take<HoldRequest>(bytes, error);
    case MessageType::kResumeRequest:
      return take<ResumeRequest>(bytes, error);
    case MessageType::kSetRequest:
      return take<SetRequest>(bytes, error);
    default:
      break;
  }
  error = "message type " + std::to_string(header.type) + " is not one a daemon takes";
  return {};
}

void set_text(std::span<char> field, const char* text) {
  snprintf(field.data(), field.size(), "%s", text);
}

IoResult send_bytes(int socket, const void* data, size_t size, int fd) {
  iovec io{const_cast<void*>(data), size};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t n;
  do {
    // MSG_DONTWAIT and not O_NONBLOCK: that flag is shared with whoever else
    // holds the socket, who could clear it.
    n = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return IoResult::kOk;
  // ENOBUFS and ENOMEM pass like a full buffer does.
  const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM;
  return again ? IoResult::kAgain : IoResult::kClosed;
}

Received receive_bytes(int socket, std::span<std::byte> buffer) {
  Received received;
  iovec io{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  constexpr size_t kSlack = 8;  // descriptors that a peer may send too many and that we close
  alignas(cmsghdr) char control[CMSG_SPACE(kSlack * sizeof(int))];
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n;
  do {
    n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    const bool again = errno == EAGAIN || errno == EWOULDBLOCK;
    received.result = again ? IoResult::kAgain : IoResult::kClosed;
    return received;
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      Fd owned(fd);
      if (received.fd) {
        received.extra_fds = true;
      } else {
        received.fd = std::move(owned);
      }
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) received.extra_fds = true;
  if (n == 0) return received;  // kClosed: our messages are never empty
  received.result = IoResult::kOk;
  received.size = (message.msg_flags & MSG_TRUNC) != 0 ? 0 : static_cast<size_t>(n);
  return received;
}

std::string default_socket_path() {
  const char* runtime = getenv("XDG_RUNTIME_DIR");
  if (geteuid() == 0 || runtime == nullptr || *runtime == '\0') return "/run/xsched/xschedd.sock";
  return std::string(runtime) + "/xsched/xschedd.sock";
}

}  // namespace xsched
