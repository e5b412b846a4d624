// SPDX-License-Identifier: Apache-2.0
//
// xsched/hint.h. The arguments are looked at first: a bad value is a bad value
// whoever schedules.
#include "xsched/hint.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "registry.h"

using namespace xsched;
using namespace xsched::capi;

namespace {

std::atomic<bool> g_app_managed{false};

const char* policy_name(XPolicyType policy) {
  switch (policy) {
    case kPolicyHighestPriorityFirst:
      return "HPF";
    case kPolicyHeterogeneousHighestPriorityFirst:
      return "HHPF";
    case kPolicyCPUHighestPriorityFirst:
      return "CHPF";
    case kPolicyUtilizationPartition:
      return "UP";
    case kPolicyProcessUtilizationPartition:
      return "PUP";
    case kPolicyStrictProcessUtilizationPartition:
      return "SPUP";
    case kPolicyKEarliestDeadlineFirst:
      return "KEDF";
    case kPolicyLaxity:
      return "LAX";
    case kPolicyActiveWindowFirst:
      return "AWF";
    case kPolicyCompletelyFairScheduler:
      return "CFS";
    case kPolicyMultiLevelFeedbackQueue:
      return "MLFQ";
    default:
      return nullptr;
  }
}

bool is_priority(Priority priority) {
  return priority >= PRIORITY_NO_EXECUTE && priority <= PRIORITY_MAX;
}

// For an XQueue: `change` if the value is right.
template <typename Change>
XResult hint(XQueueHandle xq, bool valid, Change change) {
  return guarded([=](Registry& registry) {
    Handle handle;
    HwQueue hwq;
    const XResult found = registry.find(xq, handle, hwq);
    if (found != kXSchedSuccess) return found;
    if (!valid) return kXSchedErrorInvalidValue;
    if (g_app_managed.load(std::memory_order_relaxed)) return kXSchedErrorNotAllowed;
    return registry.set_hints(xq, change);
  });
}

// For the scheduler of this process.
template <typename Change>
XResult hint(bool valid, Change change) {
  if (!valid) return kXSchedErrorInvalidValue;
  return guarded([=](Registry&) {
    const bool taken = !g_app_managed.load(std::memory_order_relaxed) && change();
    return taken ? kXSchedSuccess : kXSchedErrorNotAllowed;
  });
}

// The longest time is 292 years.
int64_t nanoseconds(int64_t us) {
  return std::min(us, INT64_MAX / 1000) * 1000;
}

}  // namespace

XResult XHintSetScheduler(XSchedulerType scheduler, XPolicyType policy) {
  if (scheduler <= kSchedulerUnknown || scheduler >= kSchedulerMax) return kXSchedErrorInvalidValue;
  const char* name = "HPF";
  if (scheduler == kSchedulerLocal && (name = policy_name(policy)) == nullptr)
    return kXSchedErrorInvalidValue;
  return guarded([=](Registry&) {
    // HPF lets equal priorities run together: with no other ones it does nothing.
    const bool app_managed = scheduler == kSchedulerAppManaged;
    if (!Session::choose_scheduler(scheduler == kSchedulerGlobal, name, !app_managed))
      return kXSchedErrorNotAllowed;
    g_app_managed.store(app_managed, std::memory_order_relaxed);
    return kXSchedSuccess;
  });
}

XResult XHintPriority(XQueueHandle xq, Priority prio) {
  return guarded([=](Registry& registry) {
    Handle handle;
    HwQueue hwq;
    const XResult found = registry.find(xq, handle, hwq);
    if (found != kXSchedSuccess) return found;
    if (!is_priority(prio)) return kXSchedErrorInvalidValue;
    if (g_app_managed.load(std::memory_order_relaxed)) return kXSchedErrorNotAllowed;
    return registry.set_priority(xq, prio);
  });
}

XResult XHintUtilization(XQueueHandle xq, Utilization util) {
  return hint(xq, util >= UTILIZATION_MIN && util <= UTILIZATION_MAX, [=](Hints& hints) {
    hints.share = static_cast<int16_t>(util);
    if (Session* session = Session::existing()) session->set_process_share(*hints.share);
  });
}

XResult XHintTimeslice(Timeslice ts_us) {
  return hint(ts_us >= TIMESLICE_MIN && ts_us <= TIMESLICE_MAX,
              [=] { return Session::set_timeslice(static_cast<uint64_t>(ts_us) * 1000); });
}

XResult XHintLaxity(XQueueHandle xq, Laxity lax_us, Priority lax_prio, Priority crit_prio) {
  const auto some = [](Priority p) { return is_priority(p) && p != PRIORITY_NO_EXECUTE; };
  const bool valid = lax_us >= NO_LAXITY && some(lax_prio) && some(crit_prio);
  return hint(xq, valid, [=](Hints& hints) {
    // As upstream's: no laxity is no time to wait.
    hints.laxity = {nanoseconds(std::max<Laxity>(lax_us, 0)), lax_prio, crit_prio};
  });
}

XResult XHintDeadline(XQueueHandle xq, Deadline ddl_us) {
  return hint(xq, ddl_us >= NO_DEADLINE, [=](Hints& hints) {
    hints.deadline_ns.reset();
    if (ddl_us >= 0) hints.deadline_ns = nanoseconds(ddl_us);
  });
}

XResult XHintKDeadline(size_t k) {
  return hint(k > 0, [=] {
    return Session::set_concurrency(static_cast<uint32_t>(std::min<size_t>(k, UINT32_MAX)));
  });
}
