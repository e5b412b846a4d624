// SPDX-License-Identifier: Apache-2.0
//
// See connection.h.
#include "connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace xsched::ctl {
namespace {

uint32_t matched_or_throw(ControlReply& reply) {
  reply.text[sizeof reply.text - 1] = '\0';
  switch (static_cast<Status>(reply.status)) {
    case Status::kOk:
      return reply.matched;
    case Status::kNotFound:
      throw Failure(kNotFound, reply.text);
    default:
      throw Failure(kFailed, reply.text);
  }
}

}  // namespace

Connection::Connection(const std::string& path, int patience_ms)
    : path_(path), patience_ms_(patience_ms) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Failure(kUsage, path + " is too long for a socket");
  memcpy(address.sun_path, path.c_str(), path.size());
  socket_.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw Failure(kFailed, "no xschedd at " + path + ": " + strerror(errno) +
                               "; start xschedd, or name its socket with --socket");
  }
}

template <typename Reply, typename Message>
Reply Connection::ask(const Message& message, MessageType reply_type) {
  if (send_message(socket_.get(), message) != IoResult::kOk) {
    throw Failure(kFailed, "xschedd at " + path_ + " is gone");
  }
  alignas(8) std::byte buffer[kMaxMessage];
  for (;;) {
    pollfd poll_fd{socket_.get(), POLLIN, 0};
    const int n = poll(&poll_fd, 1, patience_ms_);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) throw Failure(kFailed, "xschedd at " + path_ + " does not answer");
    const Received received = receive_bytes(socket_.get(), buffer);
    if (received.result == IoResult::kAgain) continue;
    if (received.result == IoResult::kClosed) {
      throw Failure(kFailed, "xschedd at " + path_ + " closed the connection: see its log");
    }
    const std::span<const std::byte> bytes(buffer, received.size);
    Reply reply;
    HoldEnded ended;
    if (read_message(bytes, reply_type, reply)) return reply;
    if (!read_message(bytes, MessageType::kHoldEnded, ended)) {
      throw Failure(kFailed,
                    "xschedd at " + path_ + " speaks another version: use one version of xsched");
    }
    ++ended_;
  }
}

InfoReply Connection::info() {
  InfoReply reply =
      ask<InfoReply>(make_message<InfoRequest>(MessageType::kInfoRequest), MessageType::kInfoReply);
  reply.policy[sizeof reply.policy - 1] = '\0';
  reply.module_text[sizeof reply.module_text - 1] = '\0';
  return reply;
}

std::vector<ProcessRecord> Connection::processes() {
  std::vector<ProcessRecord> records;
  ProcessRequest request = make_message<ProcessRequest>(MessageType::kProcessRequest);
  for (;;) {
    ProcessReply reply = ask<ProcessReply>(request, MessageType::kProcessReply);
    for (uint32_t i = 0; i < reply.count && i < kListPage; ++i) {
      ProcessRecord& record = reply.record[i];
      record.comm[sizeof record.comm - 1] = '\0';
      record.kmod_why[sizeof record.kmod_why - 1] = '\0';
      records.push_back(record);
    }
    if (reply.more == 0) return records;
    request.cursor = reply.cursor;
  }
}

std::vector<XQueueRecord> Connection::list() {
  std::vector<XQueueRecord> records;
  ListRequest request = make_message<ListRequest>(MessageType::kListRequest);
  for (;;) {
    ListReply reply = ask<ListReply>(request, MessageType::kListReply);
    for (uint32_t i = 0; i < reply.count && i < kListPage; ++i) {
      reply.record[i].comm[sizeof reply.record[i].comm - 1] = '\0';
      records.push_back(reply.record[i]);
    }
    if (reply.more == 0) return records;
    request.cursor = reply.cursor;
  }
}

uint32_t Connection::hold(int32_t pid, uint32_t xqueue, uint32_t lease_ms) {
  HoldRequest request = make_message<HoldRequest>(MessageType::kHoldRequest);
  request.pid = pid;
  request.xqueue = xqueue;
  request.lease_ms = lease_ms;
  ControlReply reply = ask<ControlReply>(request, MessageType::kControlReply);
  return matched_or_throw(reply);
}

uint32_t Connection::resume(int32_t pid, uint32_t xqueue) {
  ResumeRequest request = make_message<ResumeRequest>(MessageType::kResumeRequest);
  request.pid = pid;
  request.xqueue = xqueue;
  ControlReply reply = ask<ControlReply>(request, MessageType::kControlReply);
  return matched_or_throw(reply);
}

uint32_t Connection::set(uint32_t what, int32_t pid, uint32_t xqueue, int32_t value) {
  SetRequest request = make_message<SetRequest>(MessageType::kSetRequest);
  request.what = what;
  request.pid = pid;
  request.xqueue = xqueue;
  request.value = value;
  ControlReply reply = ask<ControlReply>(request, MessageType::kControlReply);
  return matched_or_throw(reply);
}

uint32_t Connection::set_priority(int32_t pid, uint32_t xqueue, int32_t to) {
  return set(SetRequest::kPriority, pid, xqueue, to);
}

uint32_t Connection::change_priority(int32_t pid, uint32_t xqueue, int32_t by) {
  return set(SetRequest::kPriorityBy, pid, xqueue, by);
}

uint32_t Connection::set_share(int32_t pid, uint32_t xqueue, int32_t percent) {
  return set(SetRequest::kShare, pid, xqueue, percent);
}

uint32_t Connection::set_active(int32_t pid, uint32_t xqueue, bool active) {
  return set(SetRequest::kActive, pid, xqueue, active ? 1 : 0);
}

uint32_t Connection::set_policy(const std::string& name) {
  SetRequest request = make_message<SetRequest>(MessageType::kSetRequest);
  request.what = SetRequest::kPolicy;
  if (name.size() >= sizeof request.policy)
    throw Failure(kUsage, "'" + name + "' is too long for a policy");
  set_text(request.policy, name.c_str());
  ControlReply reply = ask<ControlReply>(request, MessageType::kControlReply);
  return matched_or_throw(reply);
}

bool Connection::take_ended(int& ended) {
  ended += ended_;
  ended_ = 0;
  alignas(8) std::byte buffer[kMaxMessage];
  for (;;) {
    const Received received = receive_bytes(socket_.get(), buffer);
    if (received.result == IoResult::kAgain) return true;
    if (received.result == IoResult::kClosed) return false;
    HoldEnded message;
    const std::span<const std::byte> bytes(buffer, received.size);
    if (read_message(bytes, MessageType::kHoldEnded, message)) ++ended;
  }
}

}  // namespace xsched::ctl
