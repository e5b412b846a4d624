// SPDX-License-Identifier: Apache-2.0
//
// See engine.h. `gate` reaches level 2 without help; `kfd` writes a queue
// percentage through the process's own /dev/kfd; kmod_engine.* is the third.
#include "engine.h"

#include <algorithm>
#include <cerrno>

#include "kmod_engine.h"

namespace xsched {
namespace {

class GateEngine final : public Engine {
 public:
  EngineKind kind() const noexcept override { return EngineKind::kGate; }
  uint32_t reaches(KfdQueue*, std::string& why) override {
    why = "engine gate cannot take a running kernel off the gpu";
    return 2;
  }
  int suspend(KfdQueue&) noexcept override { return ENOTSUP; }
  int resume(KfdQueue&) noexcept override { return ENOTSUP; }
};

class KfdEngine final : public Engine {
 public:
  EngineKind kind() const noexcept override { return EngineKind::kKfd; }
  uint32_t reaches(KfdQueue* queue, std::string& why) override {
    if (queue != nullptr && can_save(*queue)) return 3;
    why = queue != nullptr
              ? "kfd queue without an area to save running waves in (no CWSR)"
              : "engine kfd saw no CREATE_QUEUE for this queue (is the shim preloaded?)";
    return 2;
  }
  int suspend(KfdQueue& queue) noexcept override { return hold_kfd_queue(queue, true); }
  int resume(KfdQueue& queue) noexcept override { return hold_kfd_queue(queue, false); }
};

GateEngine& gate_engine() {
  static auto* engine = new GateEngine;  // outlives exit()
  return *engine;
}

KfdEngine& kfd_engine() {
  static auto* engine = new KfdEngine;
  return *engine;
}

}  // namespace

EngineDecision choose_engine(EngineChoice choice, uint32_t wanted_level, KfdQueue* queue,
                             EngineKind failed) {
  EngineDecision decision;
  decision.level = std::min(wanted_level, 2u);
  decision.engine = &gate_engine();
  if (wanted_level < 3) return decision;

  const bool try_kfd = choice != EngineChoice::kGate && failed != EngineKind::kKfd;
  const bool try_kmod = try_kfd && choice != EngineChoice::kKfd && failed != EngineKind::kKmod;
  std::string why;
  if (try_kmod) {
    if (kmod_engine().reaches(queue, why) == 3) {
      decision.engine = &kmod_engine();
      decision.level = 3;
      return decision;
    }
    decision.kmod_why = why;
    // Asked for by name: what it gets instead is worth a warning.
    if (choice == EngineChoice::kKmod) decision.why = why;
  } else if (choice != EngineChoice::kAuto && choice != EngineChoice::kKmod) {
    decision.kmod_why = std::string("XSCHED_ENGINE=") + to_string(choice);
  }
  if (try_kfd) {
    std::string kfd_why;
    if (kfd_engine().reaches(queue, kfd_why) == 3) {
      decision.engine = &kfd_engine();
      decision.level = 3;
      return decision;
    }
    decision.why = decision.why.empty() ? kfd_why : decision.why + "; " + kfd_why;
    return decision;
  }
  gate_engine().reaches(queue, decision.why);
  return decision;
}

}  // namespace xsched
