// SPDX-License-Identifier: Apache-2.0
//
// A process's connection to xschedd: the socket and the handshake of
// protocol.h, never blocking. What the messages mean for scheduling is the
// agent's business.
#pragma once

#include <string>

#include "fd.h"
#include "protocol.h"

namespace xsched {

class DaemonLink {
 public:
  explicit DaemonLink(std::string path) : path_(std::move(path)) {}

  enum class Connect { kConnected, kAbsent, kBusy };
  // Connects and says hello. kAbsent: nobody listens; kBusy: try again later.
  // `error` says why in both cases.
  Connect connect(int table_fd, uint32_t lease_ms, std::string& error);
  void close();

  bool connected() const { return static_cast<bool>(socket_); }
  int fd() const { return socket_.get(); }

  enum class Event { kNothing, kWelcome, kRefused, kApply, kLost };
  // Takes one message. After kWelcome, welcome() and edge_fd() are valid; after
  // kRefused and kLost the link is closed and `text` says why.
  Event receive(std::string& text);

  bool send_start() { return send(make_message<StartMessage>(MessageType::kStart)); }
  bool send_resync() { return send(make_message<ResyncMessage>(MessageType::kResync)); }

  bool suspended() const { return suspended_; }  // what the last kApply said
  const WelcomeMessage& welcome() const { return welcome_; }
  int edge_fd() const { return edge_.get(); }
  const std::string& path() const { return path_; }

 private:
  template <typename Message>
  bool send(const Message& message) {
    return send_message(socket_.get(), message) == IoResult::kOk;
  }

  std::string path_;
  Fd socket_;
  Fd edge_;
  WelcomeMessage welcome_{};
  bool welcomed_ = false;
  bool suspended_ = false;
};

}  // namespace xsched
