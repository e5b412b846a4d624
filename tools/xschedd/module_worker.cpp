// SPDX-License-Identifier: Apache-2.0
//
// See module_worker.h.
#include "module_worker.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/urgent_thread.h"

namespace xsched {
namespace {

constexpr uint32_t kRenewalsALease = 4;
constexpr uint64_t kShortestPauseNs = 100'000;
constexpr uint64_t kLongestPauseNs = 100'000'000;

bool contains(const std::vector<uint64_t>& ascending, uint64_t handle) {
  return std::binary_search(ascending.begin(), ascending.end(), handle);
}

void insert(std::vector<uint64_t>& ascending, uint64_t handle) {
  ascending.insert(std::upper_bound(ascending.begin(), ascending.end(), handle), handle);
}

}  // namespace

bool ModuleWorker::start(ModuleFile file, int event) {
  stop();
  file_ = std::move(file);
  event_ = event;
  renew_period_ns_ = uint64_t{file_.lease_ms()} * 1'000'000 / kRenewalsALease;
  stop_ = renew_ = false;
  report_ = {};
  claims_.clear();
  wanted_.clear();
  held_.clear();
  refused_.clear();
  target_.clear();
  target_version_ = version_;
  retry_at_ns_ = 0;
  try {
    // The daemon's signals are for its signalfd; this thread inherits the mask.
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    file_.close();
    return false;
  }
  return true;
}

void ModuleWorker::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
  // Whatever is held runs again with this.
  file_.close();
}

void ModuleWorker::check(const ModuleClaim& claim) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    claims_.push_back(claim);
  }
  changed_.notify_one();
}

uint64_t ModuleWorker::want(const std::vector<uint64_t>& handles) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (handles == wanted_) return version_;
    wanted_ = handles;
    ++version_;
  }
  changed_.notify_one();
  return version_;
}

void ModuleWorker::renew() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    renew_ = true;
  }
  changed_.notify_one();
}

void ModuleWorker::report(ModuleReport& out) {
  const std::lock_guard<std::mutex> lock(mutex_);
  out = report_;
  report_.checked.clear();
  report_.failed.clear();
}

void ModuleWorker::run() {
  make_thread_urgent(kAboveAgents);  // or like any other thread: the daemon has said so
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    const auto due = [this] {
      return stop_ || renew_ || !claims_.empty() || version_ != target_version_;
    };
    if (retry_at_ns_ != 0) {
      const uint64_t now = now_ns();
      const uint64_t pause = retry_at_ns_ > now ? retry_at_ns_ - now : 0;
      changed_.wait_for(lock, std::chrono::nanoseconds(pause), due);
    } else {
      changed_.wait(lock, due);
    }
    if (stop_) return;
    // Decisions before claims: somebody urgent may wait for them.
    bring_in_line(lock);
    if (!claims_.empty()) check_claims(lock);
  }
}

void ModuleWorker::check_claims(std::unique_lock<std::mutex>& lock) {
  std::vector<ModuleClaim> claims;
  claims.swap(claims_);
  lock.unlock();
  std::vector<ModuleReport::Checked> checked;
  for (const ModuleClaim& claim : claims) {
    xsched_queue_info row;
    // The module knows who registered it; the client's word counts for nothing.
    const bool own = file_.find(claim.handle, row) == 0 &&
                     row.pid == static_cast<uint32_t>(claim.pid) && row.gpu_id == claim.gpu_id &&
                     row.queue_id == claim.kfd_queue_id;
    checked.push_back({claim, own});
  }
  lock.lock();
  report_.checked.insert(report_.checked.end(), checked.begin(), checked.end());
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(event_, &one, sizeof one);
}

void ModuleWorker::bring_in_line(std::unique_lock<std::mutex>& lock) {
  const bool decided = version_ != target_version_ || retry_at_ns_ != 0;
  target_ = wanted_;
  target_version_ = version_;
  const bool renew = std::exchange(renew_, false);
  lock.unlock();

  ModuleReport news;
  if (renew && !held_.empty()) {
    uint32_t renewed = 0;
    // Fewer than we think: a lease has ended, since this daemon was stopped or
    // slow. What still stands is not suspended twice.
    if (file_.renew(renewed) == 0 && renewed < held_.size()) held_.clear();
  }
  std::erase_if(refused_, [this](uint64_t handle) { return !contains(target_, handle); });
  const uint64_t now = now_ns();
  if (retry_at_ns_ <= now) {
    retry_at_ns_ = 0;
    const int error = suspend_missing(news);
    if (error != 0) news.broken = error;
  }
  // After the suspends: who is let go would only stand in the urgent one's way.
  resume_surplus();

  lock.lock();
  report_.failed.insert(report_.failed.end(), news.failed.begin(), news.failed.end());
  report_.held = held_;
  report_.refused += news.refused;
  report_.version = target_version_;
  report_.time_ns = now_ns();
  if (news.broken != 0) report_.broken = news.broken;
  // Nobody waits for a resume.
  const bool awaited = decided && !target_.empty();
  if (!awaited && news.failed.empty() && news.broken == 0) return;
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(event_, &one, sizeof one);
}

// 0, or the errno with which the module refuses to work at all.
int ModuleWorker::suspend_missing(ModuleReport& news) {
  items_.clear();
  for (uint64_t handle : target_) {
    if (contains(held_, handle) || contains(refused_, handle)) continue;
    xsched_item item{};
    item.handle = handle;
    items_.push_back(item);
  }
  if (items_.empty()) return 0;
  uint32_t retry_us = 0;
  const int error = file_.suspend(items_, retry_us);
  if (error == EAGAIN) {
    // Their gates are closed meanwhile; what is inside runs on until then.
    const uint64_t pause =
        std::clamp<uint64_t>(uint64_t{retry_us} * 1000, kShortestPauseNs, kLongestPauseNs);
    retry_at_ns_ = now_ns() + pause;
    ++news.refused;
    return 0;
  }
  if (error != 0) return error;
  for (const xsched_item& item : items_) {
    if (item.status == 0) {
      insert(held_, item.handle);
    } else {
      insert(refused_, item.handle);
      news.failed.push_back({item.handle, -item.status});
    }
  }
  return 0;
}

void ModuleWorker::resume_surplus() {
  items_.clear();
  for (uint64_t handle : held_) {
    if (contains(target_, handle)) continue;
    xsched_item item{};
    item.handle = handle;
    items_.push_back(item);
  }
  if (items_.empty()) return;
  // Their statuses do not matter: our hold is gone, or the queue is.
  file_.resume(items_);
  std::erase_if(held_, [this](uint64_t handle) { return !contains(target_, handle); });
}

}  // namespace xsched
