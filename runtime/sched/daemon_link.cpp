// SPDX-License-Identifier: Apache-2.0
//
// See daemon_link.h.
#include "daemon_link.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "../xqueue/slot.h"

namespace xsched {

DaemonLink::Connect DaemonLink::connect(int table_fd, uint32_t lease_ms, std::string& error) {
  close();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    error = "the path has " + std::to_string(path_.size()) +
            " characters, a socket's has at most " + std::to_string(sizeof address.sun_path - 1);
    return Connect::kAbsent;
  }
  memcpy(address.sun_path, path_.c_str(), path_.size());
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) {
    error = strerror(errno);
    return Connect::kBusy;
  }
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    error = strerror(errno);
    return errno == EAGAIN || errno == EINTR ? Connect::kBusy : Connect::kAbsent;
  }
  HelloMessage hello = make_message<HelloMessage>(MessageType::kHello);
  hello.slot_abi = kSlotAbi;
  hello.lease_ms = lease_ms;
  if (send_message(socket.get(), hello, table_fd) != IoResult::kOk) {
    error = strerror(errno);
    return Connect::kBusy;
  }
  socket_ = std::move(socket);
  return Connect::kConnected;
}

void DaemonLink::close() {
  socket_.reset();
  edge_.reset();
  welcomed_ = false;
  suspended_ = false;
}

DaemonLink::Event DaemonLink::receive(std::string& text) {
  alignas(8) std::byte buffer[kMaxMessage];
  Received received = receive_bytes(socket_.get(), buffer);
  if (received.result == IoResult::kAgain) return Event::kNothing;
  if (received.result == IoResult::kClosed) {
    close();
    text = "the connection was closed";
    return Event::kLost;
  }
  const std::span<const std::byte> bytes(buffer, received.size);
  ApplyMessage apply;
  if (welcomed_ && read_message(bytes, MessageType::kApply, apply)) {
    suspended_ = apply.suspended != 0;
    return Event::kApply;
  }
  WelcomeMessage welcome;
  if (!welcomed_ && read_message(bytes, MessageType::kWelcome, welcome)) {
    welcome.policy[sizeof welcome.policy - 1] = '\0';
    welcome.text[sizeof welcome.text - 1] = '\0';
    if (welcome.status == static_cast<uint32_t>(Status::kOk) && received.fd) {
      welcome_ = welcome;
      welcomed_ = true;
      edge_ = std::move(received.fd);
      return Event::kWelcome;
    }
    text = welcome.text;
    close();
    return Event::kRefused;
  }
  close();
  text = "it sent a message that this version does not know";
  return Event::kRefused;
}

}  // namespace xsched
