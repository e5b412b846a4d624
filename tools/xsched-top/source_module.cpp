// SPDX-License-Identifier: Apache-2.0
//
// /dev/xsched: the queues that processes registered with the kernel module.
// Looking costs no pass over the hardware. Suspends made here belong to this
// file and carry a lease: they end with this program, however it ends.
#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sched/fd.h"
#include "source.h"
#include "uapi/xsched.h"

namespace xsched::top {
namespace {

constexpr uint32_t kPage = XSCHED_MAX_BATCH;

int call(int fd, unsigned long request, void* argument) {
  int result;
  do {
    result = ioctl(fd, request, argument);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

// All rows of LIST_QUEUES or LIST_NODES. 0 or errno.
template <typename List, typename Row, typename Key>
int list_all(int fd, unsigned long request, Key key, std::vector<Row>& rows) {
  uint64_t cursor = 0;
  for (;;) {
    const size_t before = rows.size();
    rows.resize(before + kPage);
    List list{};
    list.size = sizeof list;
    list.count = kPage;
    list.entry_size = sizeof(Row);
    list.cursor = cursor;
    list.entries = reinterpret_cast<uint64_t>(rows.data() + before);
    const int error = call(fd, request, &list);
    const uint32_t count = error != 0 ? 0 : std::min(list.count, kPage);
    rows.resize(before + count);
    if (error != 0) return error;
    if (count < kPage) return 0;
    cursor = key(rows.back());
  }
}

State state_of(uint32_t flags) {
  if ((flags & XSCHED_QUEUE_DEAD) != 0) return State::kDead;
  if ((flags & XSCHED_QUEUE_BUSY) != 0) return State::kSuspending;
  if ((flags & (XSCHED_QUEUE_SUSPENDED | XSCHED_QUEUE_PROCESS_SUSPENDED)) != 0)
    return State::kSuspended;
  return State::kUnknown;  // it may run; whether it has packets is not the module's to know
}

Queue queue_of(const xsched_queue_info& info) {
  Queue q;
  q.pid = static_cast<int32_t>(info.pid);
  // KFD_IOC_QUEUE_TYPE_*: 0 and 2 are compute, the others SDMA.
  q.type = info.type == 0 || info.type == 2 ? QueueType::kCompute : QueueType::kSdma;
  q.gpu_id = info.gpu_id;
  q.queue_id = info.queue_id;
  q.engine = "kmod";
  q.state = state_of(info.state);
  q.held = (info.state & XSCHED_QUEUE_HELD) != 0;
  q.suspends = info.suspends;
  q.suspended_ns = info.suspended_ns;
  q.handle = info.handle;
  return q;
}

class ModuleSource final : public Source {
 public:
  explicit ModuleSource(std::string device) : device_(std::move(device)) {}

  void read(Snapshot& out) override {
    SourceStatus status{"module", false, ""};
    std::vector<xsched_queue_info> queues;
    std::vector<xsched_node_info> nodes;
    if (open(status.text)) {
      renew();
      int error = list_all<xsched_list_queues>(
          file_.get(), XSCHED_IOC_LIST_QUEUES, [](const xsched_queue_info& q) { return q.handle; },
          queues);
      if (error == 0) {
        error = list_all<xsched_list_nodes>(
            file_.get(), XSCHED_IOC_LIST_NODES,
            [](const xsched_node_info& n) { return uint64_t{n.gpu_id}; }, nodes);
      }
      status.ok = error == 0;
      if (error != 0) {
        status.text = device_ + " does not list its queues: " + strerror(error);
        close();
      }
    }
    for (const xsched_queue_info& info : queues) {
      if (info.pid != 0) out.queues.push_back(queue_of(info));
    }
    for (const xsched_node_info& info : nodes) {
      Gpu gpu;
      gpu.gpu_id = info.gpu_id;
      gpu.passes = info.passes;
      gpu.errors = info.errors;
      gpu.limited = info.limited;
      out.gpus.push_back(gpu);
    }
    out.sources.push_back(std::move(status));
  }

  Answer act(const Action& action) override {
    const bool suspend = action.kind == Action::Kind::kSuspend;
    if (!suspend && action.kind != Action::Kind::kResume) return {};
    std::vector<xsched_item> items;
    for (const Action::Target& target : action.targets) {
      if (target.xq || !target.handle) continue;  // xschedd's
      xsched_item item{};
      item.handle = *target.handle;
      items.push_back(item);
    }
    if (items.empty()) return {};
    Answer answer{true, false, ""};
    if (!open(answer.text)) return answer;
    uint32_t done = 0;
    for (size_t i = 0; i < items.size(); i += kPage) {
      const uint32_t count = static_cast<uint32_t>(std::min<size_t>(kPage, items.size() - i));
      const int error = suspend ? suspend_some(&items[i], count) : resume_some(&items[i], count);
      if (error != 0) {
        answer.text = device_ + " refuses: " + strerror(error);
        return answer;
      }
    }
    for (const xsched_item& item : items) done += item.status == 0 ? 1 : 0;
    if (suspend) holds_ |= done != 0;
    answer.ok = done == items.size();
    answer.text = (suspend ? "suspended " : "resumed ") + std::to_string(done) + " of " +
                  std::to_string(items.size()) + " queues through " + device_ +
                  (suspend ? " until r, or the end of xsched-top" : "");
    return answer;
  }

 private:
  bool open(std::string& text) {
    if (file_) {
      text = role_text_;
      return true;
    }
    file_.reset(::open(device_.c_str(), O_RDWR | O_CLOEXEC));
    if (!file_) {
      text = errno == ENOENT ? "no " + device_ + ": the module is not loaded"
                             : device_ + ": " + strerror(errno);
      return false;
    }
    xsched_query query{};
    query.size = sizeof query;
    const int error = call(file_.get(), XSCHED_IOC_QUERY, &query);
    if (error != 0 || query.abi_major != XSCHED_ABI_MAJOR) {
      text = error != 0 ? device_ + " is not xsched's: " + strerror(error)
                        : device_ + " speaks version " + std::to_string(query.abi_major) +
                              ", this program " + std::to_string(XSCHED_ABI_MAJOR) +
                              ": use one version of xsched";
      close();
      return false;
    }
    role_text_ = query.role == XSCHED_ROLE_CONTROL
                     ? "sees all queues"
                     : "shows no queue of others: be root, or in the group of " + device_;
    text = role_text_;
    return true;
  }

  void close() {
    file_.reset();
    holds_ = false;
  }

  void renew() {
    if (!holds_) return;
    xsched_renew renew{};
    renew.size = sizeof renew;
    if (call(file_.get(), XSCHED_IOC_RENEW, &renew) == 0) holds_ = renew.renewed != 0;
  }

  int suspend_some(xsched_item* items, uint32_t count) {
    xsched_suspend request{};
    request.size = sizeof request;
    request.flags = XSCHED_ITEMS_PARTIAL;
    request.count = count;
    request.level = XSCHED_LEVEL_DEACTIVATE;
    request.items = reinterpret_cast<uint64_t>(items);
    return call(file_.get(), XSCHED_IOC_SUSPEND, &request);
  }

  int resume_some(xsched_item* items, uint32_t count) {
    xsched_resume request{};
    request.size = sizeof request;
    request.flags = XSCHED_ITEMS_PARTIAL;
    request.count = count;
    request.items = reinterpret_cast<uint64_t>(items);
    return call(file_.get(), XSCHED_IOC_RESUME, &request);
  }

  const std::string device_;
  Fd file_;
  bool holds_ = false;  // leases to renew
  std::string role_text_;
};

}  // namespace

std::unique_ptr<Source> make_module_source(const std::string& device) {
  return std::make_unique<ModuleSource>(device);
}

}  // namespace xsched::top
