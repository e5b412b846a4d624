// SPDX-License-Identifier: Apache-2.0
//
// What goes over xschedd's socket: AF_UNIX, SOCK_SEQPACKET, one fixed-size
// message a packet, native byte order (both ends are on one machine). Only
// the control plane is here; readiness and decisions travel through the slot
// table (../xqueue/slot.h).
//
// A scheduled process:
//   process -> kHello    with the slot table's memfd
//   daemon  -> kWelcome  with an eventfd: edges are reported by writing to it
//   process -> kStart    it has stopped scheduling itself: the daemon may write
//   daemon  -> kApply    ControlLines changed, look at their sequences
//   process -> kResync   the lease had expired and it wrote ControlLines: say all again
// The memory has one writer at a time: the process until kStart, the daemon
// from then until the socket closes (it unmaps before it closes).
//
// A control tool sends requests and gets one reply each; holds end with its
// connection unless they carry a lease.
//
// A message that is malformed, unknown or out of turn closes the connection
// and changes nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "fd.h"

namespace xsched {

inline constexpr uint32_t kProtocolMagic = 0x44435358;  // "XSCD"
inline constexpr uint16_t kProtocolAbi = 5;             // changes with any layout change
inline constexpr size_t kMaxMessage = 8192;             // bytes
inline constexpr uint32_t kAllXQueues = ~0u;            // HoldRequest::xqueue

enum class MessageType : uint16_t {
  kHello = 1,
  kWelcome = 2,
  kStart = 3,
  kApply = 4,
  kResync = 5,
  kInfoRequest = 16,
  kInfoReply = 17,
  kListRequest = 18,
  kListReply = 19,
  kHoldRequest = 20,
  kResumeRequest = 21,
  kControlReply = 22,
  kHoldEnded = 23,
  kProcessRequest = 24,
  kProcessReply = 25,
  kSetRequest = 32,
};

enum class Status : uint32_t {
  kOk = 0,
  kRefused = 1,     // see the text
  kNotFound = 2,    // no such process or XQueue
  kPermission = 3,  // the target belongs to another user
};

struct MessageHeader {
  uint32_t magic;  // kProtocolMagic
  uint16_t abi;    // kProtocolAbi
  uint16_t type;   // MessageType
  uint32_t size;   // bytes, this header included
  uint32_t reserved;
};

struct HelloMessage {
  MessageHeader header;
  uint32_t slot_abi;  // kSlotAbi
  uint32_t lease_ms;  // how long the process waits for a silent daemon
};

struct WelcomeMessage {
  MessageHeader header;
  uint32_t status;  // Status
  int32_t pid;      // the daemon's, as the daemon sees it
  char policy[16];
  char text[160];  // why not, if status is not kOk
};

struct StartMessage {
  MessageHeader header;
};

struct ApplyMessage {
  MessageHeader header;
  // 1: something of the process is, or is about to be, suspended: watch the
  // heartbeat. Sent before the first such store, so that a daemon that hangs
  // right after the store is noticed.
  uint32_t suspended;
  uint32_t reserved;
};

struct ResyncMessage {
  MessageHeader header;
};

struct InfoRequest {
  MessageHeader header;
};

struct InfoReply {
  MessageHeader header;
  int32_t pid;
  uint32_t processes;
  uint32_t xqueues;
  uint32_t suspended;
  uint64_t decisions;  // cycles of scan, decide, publish
  uint64_t edges;      // wake-ups by clients
  uint64_t uptime_ns;
  char policy[16];
  // Through /dev/xsched the daemon suspends queues of all processes itself.
  uint32_t module_usable;
  uint32_t carried;      // XQueues whose hardware queues it may suspend
  char module_text[184];  // what the module is, or why it is not used
};

// The listing is paged so that no reply is large: ask again with the reply's
// cursor until `more` is 0. {0, 0} starts.
struct ListCursor {
  uint64_t client;
  uint32_t slot;
  uint32_t reserved;
};

struct ListRequest {
  MessageHeader header;
  ListCursor cursor;
};

struct XQueueRecord {
  int32_t pid;
  uint32_t uid;
  char comm[16];
  uint32_t id;
  uint32_t gpu_id;
  uint32_t kfd_queue_id;
  int32_t priority;
  uint32_t level_wanted;
  uint32_t level_actual;
  uint32_t engine;  // EngineKind
  uint32_t window;  // as decided, 0 = open
  uint32_t guard;
  uint32_t run;        // as decided
  uint32_t suspended;  // as reported by the process
  uint32_t ready;
  uint32_t held;  // by an operator
  uint32_t ring_packets;
  uint64_t submitted;
  uint64_t moved;
  uint64_t retired;
  uint64_t suspends;
  uint64_t last_suspend_ns;
  uint64_t max_suspend_ns;
  uint64_t inflight_sum;
  uint64_t last_inflight;
  uint64_t dropped;
  uint64_t work_ns;  // CounterLine's, 0: not measured
  uint64_t work_spread_ns;
  uint64_t patient;
  uint64_t overdue;
  uint64_t budget_ns;   // its latency budget, 0: none
  int64_t deadline_ns;  // after it became ready; negative: none
  uint32_t inside;      // StateLine's
  uint32_t share;       // percent, as the policy in force sees it
  uint32_t inherits;    // 1: its process has `inherited` from one that waits for it
  int32_t inherited;    // a priority
  uint64_t created_ns;
  uint64_t suspended_ns;  // as decided, since it is scheduled here
};

inline constexpr uint32_t kListPage = 32;

struct ListReply {
  MessageHeader header;
  uint32_t count;
  uint32_t more;
  ListCursor cursor;
  XQueueRecord record[kListPage];
};

// Processes, paged in the same way; the cursor's slot is not used.
struct ProcessRequest {
  MessageHeader header;
  ListCursor cursor;
};

struct ProcessRecord {
  int32_t pid;
  uint32_t uid;
  char comm[16];
  uint32_t kmod;  // XQueues by engine
  uint32_t kfd;
  uint32_t gate;
  uint32_t carried;    // of those of kmod: the daemon may suspend their hardware queues
  char kmod_why[128];  // the process's word on why not kmod; "" if it is
};

struct ProcessReply {
  MessageHeader header;
  uint32_t count;
  uint32_t more;
  ListCursor cursor;
  ProcessRecord record[kListPage];
};

struct HoldRequest {  // kHoldRequest: suspend
  MessageHeader header;
  int32_t pid;        // 0: every process of the caller (root: every process)
  uint32_t xqueue;    // or kAllXQueues, those created later included
  uint32_t lease_ms;  // 0: until the connection closes
  uint32_t reserved;
};

struct ResumeRequest {  // kResumeRequest: ends holds, whoever made them
  MessageHeader header;
  int32_t pid;
  uint32_t xqueue;
};

// kSetRequest: changes a setting until its process, or the daemon, ends.
struct SetRequest {
  enum What : uint32_t {
    kPriority = 1,    // of XQueues that there are now: to `value`
    kPriorityBy = 2,  // ... by `value`
    kPolicy = 3,      // of the daemon, to `policy`: root and its own user only
    kShare = 4,       // of processes: to `value` percent; root and its own user only
    kActive = 5,      // of processes: somebody waits for what they do, or (0) nobody
  };
  MessageHeader header;
  uint32_t what;
  int32_t pid;      // 0: every process of the caller (root: every process)
  uint32_t xqueue;  // or kAllXQueues
  int32_t value;    // the priority is kept within -255..255
  char policy[16];
};

struct ControlReply {
  MessageHeader header;
  uint32_t status;   // Status
  uint32_t matched;  // XQueues at this moment (suspend, set) or holds ended (resume)
  char text[128];
};

struct HoldEnded {  // to the tool that made the hold
  MessageHeader header;
  int32_t pid;
  uint32_t xqueue;
};

// What a daemon accepts.
using Request = std::variant<std::monostate, HelloMessage, StartMessage, ResyncMessage, InfoRequest,
                             ListRequest, ProcessRequest, HoldRequest, ResumeRequest, SetRequest>;

// Checks and copies; monostate and `error` if it is not a message a daemon
// takes. Never reads outside `bytes`.
Request parse_request(std::span<const std::byte> bytes, std::string& error);

// A message with its header filled in and the rest zero.
template <typename Message>
Message make_message(MessageType type) {
  Message message{};
  message.header = {kProtocolMagic, kProtocolAbi, static_cast<uint16_t>(type),
                    static_cast<uint32_t>(sizeof(Message)), 0};
  return message;
}

// True if `bytes` is one `Message` of that type, copied to `out`.
template <typename Message>
bool read_message(std::span<const std::byte> bytes, MessageType type, Message& out);

// From the header, which is checked; MessageType{0} if it is not one of ours.
MessageType message_type(std::span<const std::byte> bytes);

// Copies text into a fixed field, cut and terminated.
void set_text(std::span<char> field, const char* text);

enum class IoResult { kOk, kAgain, kClosed };

// One message, never blocking, no SIGPIPE; optionally with a descriptor.
IoResult send_bytes(int socket, const void* data, size_t size, int fd = -1);
template <typename Message>
IoResult send_message(int socket, const Message& message, int fd = -1) {
  return send_bytes(socket, &message, sizeof message, fd);
}

// Receives one message into `buffer`, never blocking. At most one descriptor
// is accepted, into `fd`; `extra_fds` tells that there were more (closed).
// A message longer than the buffer yields size 0: malformed.
struct Received {
  IoResult result = IoResult::kClosed;
  size_t size = 0;
  Fd fd;
  bool extra_fds = false;
};
Received receive_bytes(int socket, std::span<std::byte> buffer);

// Where the daemon listens by default: /run/xsched for root, else the user's
// runtime directory. XSCHED_SOCKET is the caller's business.
std::string default_socket_path();

// ---- implementation of templates ----

template <typename Message>
bool read_message(std::span<const std::byte> bytes, MessageType type, Message& out) {
  if (bytes.size() != sizeof(Message) || message_type(bytes) != type) return false;
  __builtin_memcpy(&out, bytes.data(), sizeof(Message));
  return true;
}

}  // namespace xsched
