// SPDX-License-Identifier: Apache-2.0
//
// See engine.h. `gate` reaches level 2 without help; `kfd` writes a queue
// percentage through the process's own /dev/kfd.
#include "engine.h"

#include <algorithm>
#include <cerrno>

namespace xsched {
namespace {

class GateEngine final : public Engine {
 public:
  EngineKind kind() const noexcept override { return EngineKind::kGate; }
  uint32_t reaches(const KfdQueue*, std::string& why) const override {
    why = "engine gate cannot take a running kernel off the gpu";
    return 2;
  }
  int suspend(KfdQueue&) noexcept override { return ENOTSUP; }
  int resume(KfdQueue&) noexcept override { return ENOTSUP; }
};

class KfdEngine final : public Engine {
 public:
  EngineKind kind() const noexcept override { return EngineKind::kKfd; }
  uint32_t reaches(const KfdQueue* queue, std::string& why) const override {
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

EngineDecision choose_engine(EngineChoice choice, uint32_t wanted_level, const KfdQueue* queue) {
  EngineDecision decision;
  std::string why;
  const bool try_kfd = choice != EngineChoice::kGate;
  if (choice == EngineChoice::kKmod) {
    why = "engine kmod needs the xsched module, which is not loaded";
  }
  if (try_kfd) {
    std::string kfd_why;
    const uint32_t level = kfd_engine().reaches(queue, kfd_why);
    if (level >= wanted_level || level > 2) {
      decision.engine = &kfd_engine();
      decision.level = std::min(level, wanted_level);
    } else {
      why = kfd_why;
    }
  }
  if (decision.engine == nullptr) {
    std::string gate_why;
    const uint32_t level = gate_engine().reaches(queue, gate_why);
    decision.engine = &gate_engine();
    decision.level = std::min(level, wanted_level);
    if (why.empty()) why = gate_why;
  }
  if (decision.level < wanted_level || choice == EngineChoice::kKmod) decision.why = why;
  return decision;
}

const char* to_string(EngineKind kind) noexcept {
  switch (kind) {
    case EngineKind::kGate:
      return "gate";
    case EngineKind::kKfd:
      return "kfd";
    case EngineKind::kKmod:
      return "kmod";
    case EngineKind::kNone:
      break;
  }
  return "none";
}

}  // namespace xsched
