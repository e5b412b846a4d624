// SPDX-License-Identifier: Apache-2.0
//
// What the daemon does through /dev/xsched: which handles it may name, which
// are to be suspended, and what the clients are told of it. A client's word on
// its handle is believed only when the module agrees; without the module, or
// when it fails for one queue, the client suspends its own.
#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "server.h"

namespace xsched {
namespace {

// Not one that its gate alone suspends.
bool carried_off(const XQueueEntry& entry) {
  return entry.carry_now.scheduler && !entry.now.run && entry.now.patience_us == 0;
}

}  // namespace

void Server::open_module() {
  if (module_.running()) return;
  std::string why;
  ModuleFile file = ModuleFile::open(true, why);
  if (file) {
    const std::string text = file.description();
    if (module_.start(std::move(file), module_event_.get())) {
      module_text_ = text;
      module_refused_ = 0;
      log(LogLevel::kInfo, "suspends hardware queues through /dev/xsched (%s)", text.c_str());
      return;
    }
    why = "no thread for it";
  }
  if (why != module_text_) {
    log(LogLevel::kInfo, "%s; each process suspends its own queues", why.c_str());
  }
  module_text_ = why;
}

// Everything runs, and the clients take over with the next decision.
void Server::close_module(const std::string& why) {
  log(LogLevel::kError, "%s; each process suspends its own queues", why.c_str());
  module_.stop();
  module_text_ = why;
  wanted_.clear();
  for (auto& c : connections_) {
    if (c->view == nullptr) continue;
    for (XQueueEntry& entry : c->view->entries()) entry.module = {};
  }
}

void Server::mark_carried() {
  for (auto& c : connections_) {
    if (!c->started || c->gone) continue;
    for (XQueueEntry& entry : c->view->entries()) {
      if (!entry.used) continue;
      if (entry.module.handle != entry.module_handle) {
        entry.module = {};
        entry.module.handle = entry.module_handle;
      }
      XQueueEntry::Module& module = entry.module;
      if (module.state == XQueueEntry::Module::kNew && module.handle != 0 && module_.running()) {
        module.state = XQueueEntry::Module::kAsked;
        const IdentityLine& identity =
            c->view->table().slot[&entry - c->view->entries().data()].identity;
        module_.check({module.handle, c->peer.pid, entry.input.gpu_id,
                       identity.kfd_queue_id.load(std::memory_order_relaxed)});
      }
      const bool carried =
          module.state == XQueueEntry::Module::kOwn && module_.running() && entry.input.level == 3;
      entry.carry_next.scheduler = carried;
      if (!carried) entry.carry_next.taken = false;
    }
  }
}

// After publish(): all victims of this decision, in one set.
void Server::want_suspended() {
  if (!module_.running()) return;
  wanted_.clear();
  for (auto& c : connections_) {
    if (!c->started || c->gone) continue;
    for (const XQueueEntry& entry : c->view->entries()) {
      if (!entry.used || !carried_off(entry)) continue;
      wanted_.push_back(entry.module.handle);
    }
  }
  std::sort(wanted_.begin(), wanted_.end());
  wanted_.erase(std::unique(wanted_.begin(), wanted_.end()), wanted_.end());
  const uint64_t version = module_.want(wanted_);
  const uint64_t now = now_ns();
  if (wanted_.empty()) renew_at_ns_ = 0;
  if (!wanted_.empty() && renew_at_ns_ == 0) renew_at_ns_ = now + module_.renew_period_ns();
  for (auto& c : connections_) {
    if (!c->started || c->gone) continue;
    for (XQueueEntry& entry : c->view->entries()) {
      if (!entry.used) continue;
      const bool wanted = carried_off(entry);
      if (wanted && !entry.module.wanted) {
        entry.module.wanted_since = version;
        entry.module.decided_ns = now;
      }
      entry.module.wanted = wanted;
    }
  }
}

void Server::on_module() {
  uint64_t count;
  [[maybe_unused]] ssize_t n = read(module_event_.get(), &count, sizeof count);
  module_.report(report_);
  decide_ = true;
  const bool refused = report_.refused != module_refused_;
  module_refused_ = report_.refused;
  if (report_.broken != 0) {
    return close_module(std::string("the xsched module refuses to work: ") +
                        strerror(report_.broken));
  }
  for (const auto& checked : report_.checked) on_claim(checked);
  for (const auto& failed : report_.failed) on_failed(failed);
  for (auto& c : connections_) {
    if (!c->started || c->gone) continue;
    for (XQueueEntry& entry : c->view->entries()) {
      const XQueueEntry::Module& module = entry.module;
      if (!entry.used || !module.wanted || module.wanted_since > report_.version) continue;
      if (refused) entry.save_refused_until_ns = now_ns() + kSaveRefusedNs;
      const bool taken =
          std::binary_search(report_.held.begin(), report_.held.end(), module.handle);
      if (taken && !entry.carry_next.taken) {
        entry.carry_next.taken_ns = report_.time_ns - std::min(report_.time_ns, module.decided_ns);
      }
      entry.carry_next.taken = taken;
    }
  }
}

void Server::on_claim(const ModuleReport::Checked& checked) {
  for (auto& c : connections_) {
    if (!c->started || c->gone || c->peer.pid != checked.claim.pid) continue;
    for (XQueueEntry& entry : c->view->entries()) {
      XQueueEntry::Module& module = entry.module;
      if (!entry.used || module.handle != checked.claim.handle ||
          module.state != XQueueEntry::Module::kAsked) {
        continue;
      }
      module.state = checked.true_claim ? XQueueEntry::Module::kOwn : XQueueEntry::Module::kRefused;
      if (!checked.true_claim) {
        log(LogLevel::kWarn, "pid %d (%s) names hardware queue %lu, which is not its own: ignored",
            static_cast<int>(c->peer.pid), c->comm, checked.claim.handle);
      }
    }
  }
}

void Server::on_failed(const ModuleReport::Failed& failed) {
  for (auto& c : connections_) {
    if (!c->started || c->gone) continue;
    for (XQueueEntry& entry : c->view->entries()) {
      XQueueEntry::Module& module = entry.module;
      if (!entry.used || module.handle != failed.handle ||
          module.state != XQueueEntry::Module::kOwn) {
        continue;
      }
      module.state = XQueueEntry::Module::kRefused;
      // Gone: it was destroyed, or withdrawn by its process.
      if (failed.error == ENOENT || failed.error == ESRCH) continue;
      log(LogLevel::kWarn,
          "pid %d (%s), XQueue %u: the xsched module could not suspend it (%s); "
          "its process does",
          static_cast<int>(c->peer.pid), c->comm, entry.id, strerror(failed.error));
    }
  }
}

}  // namespace xsched
