// SPDX-License-Identifier: Apache-2.0
//
// xsched/hint.h. What the scheduler cannot be told is refused, after the
// arguments were looked at: a bad value is a bad value either way.
#include "xsched/hint.h"

#include <atomic>

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

XResult refuse_for(XQueueHandle xq, bool valid) {
  return guarded([=](Registry& registry) {
    Handle handle;
    HwQueue hwq;
    const XResult found = registry.find(xq, handle, hwq);
    if (found != kXSchedSuccess) return found;
    return valid ? kXSchedErrorNotSupported : kXSchedErrorInvalidValue;
  });
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
  return refuse_for(xq, util >= UTILIZATION_MIN && util <= UTILIZATION_MAX);
}

XResult XHintTimeslice(Timeslice ts_us) {
  return ts_us < TIMESLICE_MIN || ts_us > TIMESLICE_MAX ? kXSchedErrorInvalidValue
                                                        : kXSchedErrorNotSupported;
}

XResult XHintLaxity(XQueueHandle xq, Laxity lax_us, Priority lax_prio, Priority crit_prio) {
  return refuse_for(xq, lax_us >= NO_LAXITY && is_priority(lax_prio) && is_priority(crit_prio));
}

XResult XHintDeadline(XQueueHandle xq, Deadline ddl_us) {
  return refuse_for(xq, ddl_us >= NO_DEADLINE);
}

XResult XHintKDeadline(size_t k) {
  return k == 0 ? kXSchedErrorInvalidValue : kXSchedErrorNotSupported;
}
