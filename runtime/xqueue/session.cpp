// SPDX-License-Identifier: Apache-2.0
//
// See session.h. Lock order: Impl::mutex, then XQueue's own, then the KFD
// queue's. The agent's and the dispatcher's threads take them in that order
// too; the application's hot path takes none.
#include "session.h"

#include <hsa/amd_hsa_signal.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "../base/clock.h"
#include "../base/config.h"
#include "../base/log.h"
#include "../engine/kmod_engine.h"
#include "../sched/agent.h"
#include "../sched/slot_memory.h"
#include "../trace/trace.h"
#include "dispatcher.h"
#include "shared_signals.h"

namespace xsched {
namespace {

std::atomic<Session*> g_session{nullptr};
std::atomic<bool> g_forked{false};
std::mutex g_making;  // get(), end() and choose_scheduler()

struct Choice {
  bool global = true;
  std::string policy;
  bool stream_priorities = true;
  bool operator==(const Choice&) const = default;
};
// Leaked like the session. Guarded by g_making until the session is there,
// constant from then on.
Choice& choice() {
  static auto* made = new Choice{config().global, config().policy, true};
  return *made;
}

// Of the local scheduler. Leaked, guarded by g_making.
PolicyParameters& parameters() {
  static auto* made = new PolicyParameters{
      .timeslice_ns = static_cast<uint64_t>(config().timeslice_us.value_or(0)) * 1000,
      .concurrency = static_cast<uint32_t>(config().concurrency.value_or(1))};
  return *made;
}

bool g_handlers_entered = false;  // guarded by g_making

uint32_t event_of(uint64_t signal_handle) {
  return signal_handle == 0 ? 0 : reinterpret_cast<amd_signal_t*>(signal_handle)->event_id;
}

}  // namespace

struct Session::Impl final : XQueueSet {
  explicit Impl(SlotMemory memory_in)
      : memory(std::move(memory_in)),
        table(*memory.table()),
        agent(table, memory.fd(), *this,
              AgentConfig{.socket = config().socket,
                          .global = choice().global,
                          .policy = choice().policy,
                          .parameters = parameters()}),
        dispatcher([this](uint32_t* ticks, uint32_t most,
                          uint32_t& count) { return round(ticks, most, count); },
                   [this] { return wake_event.load(std::memory_order_relaxed); }) {}

  void apply(uint32_t number) override {
    const std::shared_lock<std::shared_mutex> lock(mutex);
    if (number < by_slot.size() && by_slot[number] != nullptr) {
      by_slot[number]->apply();
      if (by_slot[number]->note_due()) note_engine(by_slot[number]->kmod_why());
    }
    update_watch();
  }

  uint64_t upkeep(uint64_t now) override {
    uint64_t next = kmod_engine().upkeep(now);
    const std::shared_lock<std::shared_mutex> lock(mutex);
    for (XQueue* queue : queues) {
      uint64_t retry = queue->retry_at_ns();
      if (retry != 0 && retry <= now) {
        queue->apply();
        retry = queue->retry_at_ns();
      }
      if (retry != 0 && (next == 0 || retry < next)) next = retry;
    }
    return next;
  }

  // For tools; the last XQueue's word counts. Under `mutex`.
  void note_engine(const std::string& why) {
    char text[sizeof table.engine_note] = {};
    why.copy(text, sizeof text - 1);
    for (size_t i = 0; i < SlotTable::kNoteWords; ++i) {
      uint64_t word;
      memcpy(&word, text + i * sizeof word, sizeof word);
      table.engine_note[i].store(word, std::memory_order_relaxed);
    }
  }

  static bool may_run(XQueue& queue) {
    return queue.slot().control.run.load(std::memory_order_acquire) != 0;
  }

  // Why barriers are looked at (`watch`): an XQueue that may run can wait, in a
  // barrier, for one of this process that may not; or for another process, and
  // the scheduler wants to know. Caller holds `mutex`.
  enum : uint32_t { kWithin = 1, kAcross = 2 };
  void update_watch() {
    bool some_run = false, some_wait = false, asked = false;
    for (XQueue* queue : queues) {
      (may_run(*queue) ? some_run : some_wait) = true;
      asked |= (queue->slot().control.notify.load(std::memory_order_relaxed) & kNotifyWaits) != 0;
    }
    uint32_t why = 0;
    if (some_run && some_wait) why |= kWithin;
    // What was said of waiting has to be taken back, too.
    if (asked || table.signals.awaiting.load(std::memory_order_relaxed) != 0) why |= kAcross;
    watch.store(why, std::memory_order_relaxed);
    if (why != 0) dispatcher.kick();  // barriers may be inside already
    if ((why & kWithin) == 0) {
      for (XQueue* queue : queues) queue->set_boost(false);
    }
  }

  // While one that may run waits for a signal, all of the process run: who
  // completes the signal cannot be told from the packets alone. True while
  // this has to be looked at again.
  bool settle_inversions() {
    if ((watch.load(std::memory_order_relaxed) & kWithin) == 0) return false;
    bool waits = false;
    for (XQueue* queue : queues) {
      if (may_run(*queue) && queue->gate().waits_for_others()) waits = true;
    }
    for (XQueue* queue : queues) queue->set_boost(waits && !may_run(*queue));
    return waits;
  }

  // Tells the scheduler which inter-process signals are waited for, so that who
  // may complete them is not suspended for it. The dispatcher's thread only. True
  // while this has to be looked at again.
  bool report_waits() {
    if ((watch.load(std::memory_order_relaxed) & kAcross) == 0) return false;
    SignalLines& lines = table.signals;
    std::array<uint64_t, SignalLines::kMostAwaited> keys{};
    uint32_t count = 0;
    bool waits = false, changed = false;
    for (XQueue* queue : queues) {
      Gate::Dependencies handles;
      const size_t awaited = queue->gate().stalled_on(handles);
      for (size_t i = 0; i < awaited && count < keys.size(); ++i) {
        const uint64_t key = shared.key_of(handles[i]);
        if (key != 0 && std::find(keys.begin(), keys.begin() + count, key) == keys.begin() + count)
          keys[count++] = key;
      }
      waits |= queue->gate().waits_for_others();
      const uint32_t stalled = awaited != 0 ? 1 : 0;
      changed |=
          queue->slot().state.stalled.exchange(stalled, std::memory_order_relaxed) != stalled;
    }
    const uint32_t before = lines.awaiting.load(std::memory_order_relaxed);
    changed = count != before || (changed && count != 0);
    for (size_t i = 0; i < keys.size(); ++i) {
      changed |= lines.awaited[i].exchange(keys[i], std::memory_order_relaxed) != keys[i];
    }
    // Release: who sees how many sees which, and who is stalled.
    lines.awaiting.store(count, std::memory_order_release);
    if (changed) agent.edge(0);
    return waits;
  }

  uint32_t round(uint32_t* ticks, uint32_t most, uint32_t& count) {
    uint32_t wants = Gate::kWantsNothing;
    uint64_t round_ns = 0;
    const std::shared_lock<std::shared_mutex> lock(mutex);
    for (XQueue* queue : queues) {
      Gate& gate = queue->gate();
      if (gate.wants() == Gate::kWantsNothing) continue;
      const uint64_t before = gate.entered();
      gate.pump();
      const uint32_t now = gate.wants();
      wants |= now;
      if (gate.entered() != before) wants |= Dispatcher::kProgress;
      if ((now & Gate::kWantsPoll) != 0) {
        if (round_ns == 0) round_ns = now_ns();
        if (queue->measure_work(round_ns)) agent.edge(queue->slot_number());
      }
      if ((now & Gate::kWantsTick) != 0 && count < most)
        ticks[count++] = event_of(gate.tick_handle());
    }
    const bool inversion = settle_inversions();
    if (report_waits() || inversion) wants |= Gate::kWantsPoll;
    return wants;
  }

  SlotMemory memory;
  SlotTable& table;
  SharedSignals& shared = SharedSignals::instance();
  // Readers: agent, dispatcher, tools' queries; writers: create and destroy.
  std::shared_mutex mutex;
  std::vector<XQueue*> queues;
  std::array<XQueue*, kMaxSlots> by_slot{};
  uint32_t next_id = 1;
  std::atomic<uint32_t> wake_event{0};
  std::atomic<uint32_t> watch{0};  // Gate::Listener::watch
  Agent agent;
  Dispatcher dispatcher;

  struct Edge {  // what a gate's listener needs, one a slot
    Impl* impl = nullptr;
    uint32_t slot = 0;
    TraceTrack* track = nullptr;  // the XQueue's own
  };
  std::array<Edge, kMaxSlots> edges{};
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

bool Session::forked() noexcept {
  return g_forked.load(std::memory_order_relaxed);
}
Session* Session::existing() noexcept {
  return forked() ? nullptr : g_session.load(std::memory_order_acquire);
}

Session* Session::get() noexcept {
  if (Session* session = existing()) return session;
  if (forked()) return nullptr;
  const std::lock_guard<std::mutex> lock(g_making);
  if (Session* session = existing()) return session;
  std::string error;
  SlotMemory memory = SlotMemory::create(error);
  if (!memory) {
    static Once once;
    if (once.first()) {
      log(LogLevel::kError, "no slot table: %s; queues are not scheduled", error.c_str());
    }
    return nullptr;
  }
  memory.table()->pid.store(getpid(), std::memory_order_relaxed);
  if (const auto share = default_hints().share) {
    memory.table()->process_share.store(static_cast<uint32_t>(*share) + 1,
                                        std::memory_order_relaxed);
  }
  memory.table()->latency_budget_us.store(config().latency_budget_us, std::memory_order_relaxed);
  auto* session = new Session(std::make_unique<Impl>(std::move(memory)));
  session->impl_->shared.publish_in(&session->impl_->table.signals);
  kmod_engine().set_wake(
      [](void* context) { static_cast<Session::Impl*>(context)->agent.slots_changed(); },
      session->impl_.get());
  if (!g_handlers_entered) {
    g_handlers_entered = true;
    // ROCr's memory does not survive fork (MADV_DONTFORK), so neither do our
    // gates: the child forgets them all.
    pthread_atfork(nullptr, nullptr, [] {
      g_forked.store(true, std::memory_order_relaxed);
      if (Session* inherited = g_session.load(std::memory_order_relaxed)) {
        inherited->impl_->agent.forget_after_fork();
        kmod_engine().forget_after_fork();
        close(inherited->impl_->memory.fd());
      }
    });
    // Registered after HIP's own handlers, so it runs before them: their
    // teardown waits for work that a suspended queue would never finish.
    atexit([] {
      if (Session* session = existing()) session->release_all();
    });
  }
  if (Trace* trace = Trace::get()) {
    trace->set_scheduler([session] { return session->impl_->agent.status(); });
  }
  g_session.store(session, std::memory_order_release);
  return session;
}

void Session::end() noexcept {
  if (forked()) return;
  const std::lock_guard<std::mutex> making(g_making);
  Session* session = g_session.load(std::memory_order_acquire);
  if (session == nullptr) return;
  session->release_all();
  session->impl_->dispatcher.stop();
  session->impl_->shared.clear();
  g_session.store(nullptr, std::memory_order_release);
  const std::unique_lock<std::shared_mutex> lock(session->impl_->mutex);
  for (XQueue* queue : session->impl_->queues) queue->end_trace();
  session->impl_->queues.clear();
  session->impl_->by_slot.fill(nullptr);
}

XQueue* Session::add(const XQueueParts& parts) {
  const Config& settings = config();
  XQueue* queue = nullptr;
  {
    const std::unique_lock<std::shared_mutex> lock(impl_->mutex);
    uint32_t number = 0;
    while (number < kMaxSlots && impl_->by_slot[number] != nullptr) ++number;
    if (number == kMaxSlots) {
      log(LogLevel::kWarn, "all %u xqueues of this process are in use: one queue is not scheduled",
          kMaxSlots);
      return nullptr;
    }
    Slot& slot = impl_->table.slot[number];
    slot.control.run.store(1, std::memory_order_relaxed);
    slot.control.window.store(0, std::memory_order_relaxed);
    slot.control.guard.store(0, std::memory_order_relaxed);
    slot.control.notify.store(0, std::memory_order_relaxed);
    slot.control.carrier.store(kCarrierSelf, std::memory_order_relaxed);
    slot.control.taken.store(0, std::memory_order_relaxed);
    slot.control.level_cap.store(0, std::memory_order_relaxed);
    slot.control.patience_us.store(0, std::memory_order_relaxed);
    slot.state.ready.store(0, std::memory_order_relaxed);
    slot.state.suspended.store(0, std::memory_order_relaxed);
    slot.state.held.store(0, std::memory_order_relaxed);
    slot.state.stalled.store(0, std::memory_order_relaxed);
    slot.state.refused.store(0, std::memory_order_relaxed);
    slot.state.submitted.store(0, std::memory_order_relaxed);
    slot.state.moved.store(0, std::memory_order_relaxed);
    slot.state.retired.store(0, std::memory_order_relaxed);
    CounterLine& counters = slot.counters;
    for (auto* counter :
         {&counters.suspends, &counters.last_suspend_ns, &counters.max_suspend_ns,
          &counters.inflight_sum, &counters.last_inflight, &counters.dropped, &counters.work_ns,
          &counters.work_spread_ns, &counters.patient, &counters.overdue}) {
      counter->store(0, std::memory_order_relaxed);
    }

    impl_->edges[number] = {impl_.get(), number, nullptr};
    Gate::Listener listener;
    listener.context = &impl_->edges[number];
    listener.edge = [](void* context) {
      auto* edge = static_cast<Impl::Edge*>(context);
      edge->impl->agent.edge(edge->slot);
    };
    listener.attend = [](void* context) {
      static_cast<Impl::Edge*>(context)->impl->dispatcher.kick();
    };
    listener.watch = &impl_->watch;
    Trace* const trace = Trace::get();
    if (trace != nullptr) {
      listener.moved = [](void* context, uint64_t packets) {
        static_cast<Impl::Edge*>(context)->track->moved(packets, now_ns());
      };
      listener.ready = [](void* context, bool on) {
        static_cast<Impl::Edge*>(context)->track->ready(on, now_ns());
      };
    }
    const uint32_t id = impl_->next_id++;
    queue = new XQueue(number, slot, id, parts, listener);
    if (trace != nullptr) {
      auto track = trace->add_track(id, [gate = &queue->gate()] {
        return TraceTrack::Depth{gate->at_gate(), gate->in_flight()};
      });
      impl_->edges[number].track = track.get();
      queue->set_trace(std::move(track));
    }
    queue->set_level(settings.level, settings.engine);
    impl_->note_engine(queue->kmod_why());

    IdentityLine& identity = slot.identity;
    identity.id.store(id, std::memory_order_relaxed);
    identity.gpu_id.store(parts.kfd != nullptr ? kfd_gpu_id(*parts.kfd) : 0,
                          std::memory_order_relaxed);
    identity.kfd_queue_id.store(parts.kfd != nullptr ? kfd_queue_id(*parts.kfd) : UINT32_MAX,
                                std::memory_order_relaxed);
    identity.priority.store(settings.priority, std::memory_order_relaxed);
    identity.window_wanted.store(settings.window, std::memory_order_relaxed);
    write_hints(slot, default_hints());
    identity.ring_packets.store(static_cast<uint32_t>(parts.hardware.packets),
                                std::memory_order_relaxed);
    identity.created_ns.store(now_ns(), std::memory_order_relaxed);
    // Release: who sees the slot used sees all of the above.
    identity.state.store(IdentityLine::kUsed, std::memory_order_release);
    if (impl_->table.high_water.load(std::memory_order_relaxed) <= number) {
      impl_->table.high_water.store(number + 1, std::memory_order_release);
    }
    impl_->by_slot[number] = queue;
    impl_->queues.push_back(queue);
    if (impl_->wake_event.load(std::memory_order_relaxed) == 0) {
      impl_->wake_event.store(event_of(parts.wake_signal), std::memory_order_relaxed);
    }
    log(LogLevel::kInfo,
        "xqueue %u: gpu %u, kfd queue %d, %lu packets, priority %d, level %u wanted, %u actual, "
        "engine %s",
        id, identity.gpu_id.load(),
        parts.kfd != nullptr ? static_cast<int>(kfd_queue_id(*parts.kfd)) : -1,
        parts.hardware.packets, settings.priority, identity.level_wanted.load(),
        identity.level_actual.load(), to_string(static_cast<EngineKind>(identity.engine.load())));
    impl_->dispatcher.start();
  }
  impl_->agent.start();
  impl_->agent.slots_changed();
  return queue;
}

void Session::remove(XQueue* queue) {
  {
    const std::unique_lock<std::shared_mutex> lock(impl_->mutex);
    if (const uint64_t dropped = queue->retire()) {
      queue->slot().counters.dropped.fetch_add(dropped, std::memory_order_relaxed);
      log(LogLevel::kWarn,
          "xqueue %u destroyed with %lu packets still at the gate: they are dropped", queue->id(),
          dropped);
    }
    queue->slot().identity.state.store(IdentityLine::kFree, std::memory_order_release);
    impl_->by_slot[queue->slot_number()] = nullptr;
    std::erase(impl_->queues, queue);
    impl_->update_watch();
  }
  impl_->agent.slots_changed();
  delete queue;
}

void Session::for_each(const std::function<void(XQueue&)>& visit) {
  const std::shared_lock<std::shared_mutex> lock(impl_->mutex);
  for (XQueue* queue : impl_->queues) visit(*queue);
}

bool Session::with(uint32_t id, const std::function<void(XQueue&)>& visit) {
  const std::shared_lock<std::shared_mutex> lock(impl_->mutex);
  for (XQueue* queue : impl_->queues) {
    if (queue->id() != id) continue;
    visit(*queue);
    return true;
  }
  return false;
}

bool Session::choose_scheduler(bool global, const std::string& policy, bool stream_priorities) {
  const std::lock_guard<std::mutex> lock(g_making);
  // A daemon has a policy of its own.
  Choice wanted{global, global ? choice().policy : policy, stream_priorities};
  if (existing() != nullptr) return wanted == choice();
  choice() = std::move(wanted);
  return true;
}

void Session::set_stream_priority(XQueue& queue, int steps) {
  queue.set_stream_steps(steps);
  // Only if it was asked for: a kernel of the urgent stream that waits for one
  // of the other (hipStreamWaitValue is such a kernel) would wait for ever.
  if (config().stream_priority <= 0) return;
  const int32_t priority = default_priority(queue);
  queue.slot().identity.priority.store(priority, std::memory_order_relaxed);
  log(LogLevel::kInfo, "xqueue %u: priority %d, from that of its streams", queue.id(), priority);
  scheduler_inputs_changed();
}

int32_t Session::default_priority(const XQueue& queue) const {
  const int32_t step = config().stream_priority < 0 ? 1 : config().stream_priority;
  const int32_t steps = choice().stream_priorities ? queue.stream_steps() : 0;
  return std::clamp(config().priority + steps * step, -255, 255);
}

Hints Session::default_hints() {
  const Config& settings = config();
  Hints hints;
  if (settings.utilization) hints.share = static_cast<int16_t>(*settings.utilization);
  if (settings.deadline_us) hints.deadline_ns = *settings.deadline_us * 1000;
  if (settings.laxity_us) hints.laxity = {*settings.laxity_us * 1000, 0, settings.priority};
  return hints;
}

void Session::set_process_share(int16_t percent) {
  impl_->table.process_share.store(static_cast<uint32_t>(percent) + 1, std::memory_order_relaxed);
}

template <typename Change>
bool Session::change_parameters(Change change) {
  const std::lock_guard<std::mutex> lock(g_making);
  Session* session = existing();
  if (session != nullptr && session->impl_->agent.follows_daemon()) return false;
  change(parameters());
  if (session != nullptr) session->impl_->agent.set_parameters(parameters());
  return true;
}

bool Session::set_timeslice(uint64_t ns) {
  return change_parameters([ns](PolicyParameters& p) { p.timeslice_ns = ns; });
}

bool Session::set_concurrency(uint32_t xqueues) {
  return change_parameters([xqueues](PolicyParameters& p) { p.concurrency = xqueues; });
}

void Session::scheduler_inputs_changed() {
  impl_->agent.slots_changed();
}

void Session::shared_signals_changed() {
  {
    const std::unique_lock<std::shared_mutex> lock(impl_->mutex);
    impl_->update_watch();
  }
  impl_->agent.slots_changed();
}

void Session::release_all() noexcept {
  impl_->agent.release_all();
  for_each([](XQueue& queue) { queue.release(); });
}

}  // namespace xsched
