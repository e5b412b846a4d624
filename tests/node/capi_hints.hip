// SPDX-License-Identifier: Apache-2.0
//
// Description: hints of the XSched C API reach the policy of the local scheduler:
// shares and timeslice (`shares`: UP), deadlines and k (`deadlines`: KEDF), laxity (`laxity`:
// LAX), and deadlines by XSCHED_AUTO_XQUEUE_DEADLINE=3600000000 (`environment`).
// `daemon`: deadlines reach an xschedd with the policy KEDF; k and timeslice are its own.
#include <cstring>

#include "capi_check.h"

__global__ void beat(unsigned* beats, const unsigned* stop) {
  while (__atomic_load_n(stop, __ATOMIC_RELAXED) == 0) {
    __atomic_store_n(beats, *beats + 1, __ATOMIC_RELAXED);
  }
}

constexpr Deadline kHour = 3600000000;

// A stream with an XQueue and a kernel that counts for as long as it runs.
class Beating {
 public:
  // The name is the XQueue's priority, too: how it is found in the list.
  explicit Beating(Priority name) : name_(name) {
    HwQueueHandle hwq;
    CHECK_HIP(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking));
    CHECK_XS(HipQueueCreate(&hwq, stream_));
    CHECK_XS(XQueueCreate(&handle, hwq, kPreemptLevelInterrupt, kQueueCreateFlagNone));
    CHECK_XS(XHintPriority(handle, name));
  }
  void launch() {
    stop_.store(0);
    beat<<<1, 1, 0, stream_>>>(beats_.get(), stop_.get());
    CHECK_HIP(hipGetLastError());
  }
  void stop() {
    stop_.store(1);
    CHECK_HIP(hipStreamSynchronize(stream_));
  }
  unsigned beats() { return beats_.load(); }
  void runs() {
    const unsigned before = beats();
    check::wait_until("it runs", [&] { return beats() > before + 100; });
  }
  void is_suspended(bool wanted = true) {
    check::wait_until(wanted ? "it is suspended" : "it is resumed",
                      [&] { return (listed().suspended != 0) == wanted; });
  }
  xsched_xqueue listed() const {
    for (const xsched_xqueue& queue : check::xqueues()) {
      if (queue.priority == name_) return queue;
    }
    check::fail(__FILE__, __LINE__, "an xqueue's priority", "there is none with it");
  }
  XQueueHandle handle = 0;

 private:
  const Priority name_;
  hipStream_t stream_ = nullptr;
  check::SharedValue<unsigned> beats_{0}, stop_{0};
};

// Beats of each in the same forty turns or more.
static void count(Beating& one, Beating& two, double& of_one, double& of_two) {
  // The turn that lasts may be a long one, of the time before.
  const auto turns = [](Beating& b, uint64_t from, uint64_t more) {
    check::wait_until("turns change", [&] { return b.listed().suspends >= from + more; });
  };
  turns(one, one.listed().suspends, 2);
  const unsigned first_one = one.beats(), first_two = two.beats();
  turns(one, one.listed().suspends, 20);
  of_one = one.beats() - first_one;
  of_two = two.beats() - first_two;
}

// A host that takes the processor away gives a turn any length. What was asked for
// shows in one of ten counts; what was not heard shows in none.
template <typename Condition>
static double counted(Beating& one, Beating& two, const char* what, Condition holds) {
  double of_one = 0, of_two = 0;
  for (int i = 0; i < 10; ++i) {
    count(one, two, of_one, of_two);
    if (of_one > 0 && of_two > 0 && holds(of_one, of_two)) return of_one + of_two;
  }
  check::fail(__FILE__, __LINE__, what, "not in ten counts");
}

static void shares() {
  CHECK_XS(XHintTimeslice(40000));
  Beating one(1), two(2);
  CHECK_XS(XHintUtilization(one.handle, 75));
  CHECK_XS(XHintUtilization(two.handle, 25));
  one.launch();
  two.launch();
  // Three to one is what is asked for; more than even shows that it was heard.
  counted(one, two, "the first has the larger share",
          [](double of_one, double of_two) { return of_one > 1.5 * of_two; });
  CHECK_XS(XHintUtilization(one.handle, 25));
  CHECK_XS(XHintUtilization(two.handle, 75));
  const double in_long_turns =
      counted(one, two, "now the second has it",
              [](double of_one, double of_two) { return of_two > 1.5 * of_one; });
  // A tenth of the time: as many turns are fewer beats.
  CHECK_XS(XHintTimeslice(4000));
  counted(one, two, "turns are shorter", [in_long_turns](double of_one, double of_two) {
    return of_one + of_two < in_long_turns / 2;
  });
  one.stop();
  two.stop();
}

static void deadlines() {
  Beating late(2), soon(1);  // by priority it would be the other one
  CHECK_XS(XHintDeadline(late.handle, kHour));
  CHECK_XS(XHintDeadline(soon.handle, 1000));
  late.launch();
  late.runs();
  soon.launch();
  late.is_suspended();
  soon.runs();
  CHECK_XS(XHintKDeadline(2));
  late.runs();
  soon.runs();
  CHECK_XS(XHintKDeadline(1));
  late.is_suspended();
  soon.runs();
  // Changed while it is ready: from when it became so.
  CHECK_XS(XHintDeadline(soon.handle, 2 * kHour));
  soon.is_suspended();
  late.runs();
  late.stop();
  soon.runs();
  soon.stop();
}

static void laxity() {
  Beating plain(5), lax(7);
  CHECK_XS(XHintLaxity(lax.handle, kHour, 0, 10));
  plain.launch();
  plain.runs();
  lax.launch();
  lax.is_suspended();
  plain.runs();
  CHECK(lax.beats() == 0);
  CHECK_XS(XHintLaxity(lax.handle, NO_LAXITY, 0, 10));
  lax.runs();
  plain.is_suspended();
  lax.stop();
  plain.is_suspended(false);
  // With nothing but time passing.
  CHECK_XS(XHintLaxity(lax.handle, 50000, 0, 10));
  lax.is_suspended();
  lax.launch();
  lax.runs();
  plain.is_suspended();
  lax.stop();
  plain.stop();
}

static void environment() {
  Beating first(1), second(2);
  first.launch();
  first.runs();
  second.launch();
  second.is_suspended();
  CHECK(second.beats() == 0);
  CHECK_XS(XHintDeadline(second.handle, 1));
  second.runs();
  first.is_suspended();
  CHECK_XS(XHintDeadline(second.handle, NO_DEADLINE));
  second.is_suspended();
  first.runs();
  first.stop();
  second.stop();
}

static void under_daemon() {
  CHECK_XS(XHintKDeadline(2));  // nobody schedules yet
  Beating late(2), soon(1);     // by priority it would be the other one
  check::wait_until("xschedd's timeslice is not ours to choose",
                    [] { return XHintTimeslice(TIMESLICE_DEFAULT) == kXSchedErrorNotAllowed; });
  CHECK_RESULT(XHintKDeadline(2), kXSchedErrorNotAllowed);
  CHECK_XS(XHintDeadline(late.handle, kHour));
  CHECK_XS(XHintDeadline(soon.handle, 1000));
  late.launch();
  late.runs();
  soon.launch();
  late.is_suspended();
  soon.runs();
  soon.stop();
  late.runs();
  late.stop();
}

int main(int argc, char** argv) {
  const struct {
    const char* name;
    XPolicyType policy;  // unknown: xschedd's
    void (*run)();
  } cases[] = {{"shares", kPolicyUtilizationPartition, shares},
               {"deadlines", kPolicyKEarliestDeadlineFirst, deadlines},
               {"laxity", kPolicyLaxity, laxity},
               {"environment", kPolicyKEarliestDeadlineFirst, environment},
               {"daemon", kPolicyUnknown, under_daemon}};
  for (const auto& c : cases) {
    if (argc < 2 || std::strcmp(argv[1], c.name) != 0) continue;
    const auto who = c.policy == kPolicyUnknown ? kSchedulerGlobal : kSchedulerLocal;
    CHECK_XS(XHintSetScheduler(who, c.policy));
    c.run();
    return check::pass();
  }
  check::fail(__FILE__, __LINE__, "the case", "shares, deadlines, laxity, environment or daemon");
}
