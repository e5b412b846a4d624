// SPDX-License-Identifier: Apache-2.0
//
// The run loop: waves of a workgroup take turns, a slice of instructions each,
// so that waves that wait for each other make progress.

#include <xmmintrin.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>

#include "decode.h"
#include "isa.h"
#include "kernel.h"
#include "memory.h"
#include "wave.h"

namespace xsim::isa {

namespace {

constexpr u64 kSlice = 2048;         // instructions a wave runs before the next one's turn
constexpr u64 kLdsGranularity = 512;

// Wave objects to be used again. A workgroup of 16 waves is 2 MiB; getting
// them fresh from the system each time would mean 512 page faults.
class WavePool {
 public:
  static WavePool& instance() {
    static WavePool& pool = *new WavePool();
    return pool;
  }

  Wave* take() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!free_.empty()) {
        Wave* wave = free_.back();
        free_.pop_back();
        return wave;
      }
    }
    return new (std::align_val_t(alignof(Wave)), std::nothrow) Wave;
  }

  void give_back(Wave* wave) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (free_.size() < kKept) {
        free_.push_back(wave);
        return;
      }
    }
    ::operator delete(wave, std::align_val_t(alignof(Wave)));
  }

 private:
  static constexpr size_t kKept = 256;
  WavePool() { free_.reserve(kKept); }
  std::mutex mutex_;
  std::vector<Wave*> free_;
};

struct WaveDeleter {
  void operator()(Wave* wave) const { WavePool::instance().give_back(wave); }
};
using WaveHandle = std::unique_ptr<Wave, WaveDeleter>;

// What a thread keeps from one run() to the next.
struct ThreadState {
  explicit ThreadState(const Host& host)
      : host(host), memory(host.memory), fetcher(host.target, &memory) {}
  // What a later Host at the same address may have changed counts too: the
  // address alone let a gfx942 run with the decoder of the gfx90a before it.
  bool serves(const Host& other) const {
    return host.target == other.target && host.memory == other.memory;
  }
  const Host host;
  Memory memory;
  Fetcher fetcher;
};

ThreadState& thread_state(const Host& host) {
  thread_local std::unique_ptr<ThreadState> state;
  if (state == nullptr || !state->serves(host)) state = std::make_unique<ThreadState>(host);
  return *state;
}

// The host's floating-point controls that one half of MODE asks for.
u32 host_controls(u32 round, u32 denorm) {
  static constexpr u32 kRound[] = {0x0000, 0x4000, 0x2000, 0x6000};  // even, +inf, -inf, zero
  constexpr u32 kMaskExceptions = 0x1f80;
  constexpr u32 kFlushResults = 0x8000;
  constexpr u32 kFlushSources = 0x0040;
  u32 controls = kMaskExceptions | kRound[round & 3];
  if (!(denorm & 1)) controls |= kFlushSources;
  if (!(denorm & 2)) controls |= kFlushResults;
  return controls;
}

// Adds M0's index to the vector registers that M0 names; false after a fault.
bool apply_indexing(Wave& wave, Inst& inst) {
  const u32 index = wave.s[kM0] & 0xff;
  const u32 which = wave.s[kM0] >> 12 & 15;
  const auto move = [&](int k) {
    Operand& op = inst.op[k];
    if (k >= inst.operands || op.kind != Kind::kVector) return true;
    if (op.index % kAccumulation + op.count + index > kAccumulation) return false;
    op.index = static_cast<u16>(op.index + index);
    return true;
  };
  bool inside = true;
  for (int i = 0; i < 3; ++i) {
    if (which >> i & 1) inside = inside && move(inst.first_source + i);
  }
  if (which & 8) inside = inside && move(0);
  if (!inside) fault_illegal(wave, inst, "register index out of range");
  return inside;
}

class WorkgroupImage final : public Workgroup {
 public:
  explicit WorkgroupImage(std::shared_ptr<const KernelImage> kernel) : kernel_(std::move(kernel)) {}
  ~WorkgroupImage() override { std::free(scratch_); }
  WorkgroupImage(const WorkgroupImage&) = delete;
  WorkgroupImage& operator=(const WorkgroupImage&) = delete;

  void start(u64 index);

  Outcome run(const std::atomic<uint32_t>& stop, uint64_t max_instructions) override;
  uint64_t sleep_ns() const override;
  const Fault& fault() const override { return group_.fault; }
  uint64_t instructions() const override { return instructions_; }

 private:
  void refuse(const std::string& why);
  bool allocate_scratch(u32 waves);
  u64 run_wave(Wave& wave, Fetcher& fetcher, u64 budget);
  u64 run_slice(Wave& wave, Fetcher& fetcher, u64 budget);
  u64 run_slice_modes(Wave& wave, Fetcher& fetcher, u64 budget);
  void wake_sleepers();
  bool end_round(Outcome& outcome);

  std::shared_ptr<const KernelImage> kernel_;
  Group group_;
  std::vector<WaveHandle> waves_;
  u8* scratch_ = nullptr;
  u64 instructions_ = 0;
  size_t next_ = 0;        // whose turn it is
  u64 slept_cycles_ = 0;   // what the caller lets pass after kSleeping
};

void WorkgroupImage::refuse(const std::string& why) {
  group_.fault.kind = FaultKind::kBadDispatch;
  group_.fault.text = why;
}

bool WorkgroupImage::allocate_scratch(u32 waves) {
  group_.private_bytes = kernel_->private_bytes();
  const u64 bytes = static_cast<u64>(group_.private_bytes) * kLanes * waves;
  if (bytes == 0) return true;
  scratch_ = static_cast<u8*>(std::calloc(bytes, 1));
  if (scratch_ != nullptr) return true;
  refuse("no host memory for " + std::to_string(bytes) + " bytes of private segment");
  return false;
}

void WorkgroupImage::start(u64 index) {
  const u32 waves = kernel_->footprint().waves;
  group_.host = &kernel_->host();
  group_.lds.assign((kernel_->lds_bytes() + kLdsGranularity - 1) / kLdsGranularity * kLdsGranularity,
                    0);
  if (!allocate_scratch(waves)) return;
  waves_.reserve(waves);
  const u64 scratch_bytes = static_cast<u64>(group_.private_bytes) * kLanes;
  for (u32 number = 0; number < waves; ++number) {
    WaveHandle wave(WavePool::instance().take());
    if (wave == nullptr) {
      refuse("no host memory for a wave's registers");
      return;
    }
    wave->group = &group_;
    wave->memory = nullptr;
    wave->scratch = scratch_ == nullptr ? nullptr : scratch_ + number * scratch_bytes;
    wave->scratch_bytes = scratch_bytes;
    kernel_->start_wave(*wave, index, number);
    waves_.push_back(std::move(wave));
  }
}

// The common case: the host's floating-point controls are what MODE says.
u64 WorkgroupImage::run_slice(Wave& wave, Fetcher& fetcher, u64 budget) {
  u64 count = 0;
  while (count < budget) {
    const Inst* inst = fetcher.fetch(wave.pc);
    wave.pc += inst->size;
    ++count;
    inst->handler(wave, *inst);
    if (__builtin_expect(wave.yield, 0)) break;
  }
  return count;
}

// MODE has two sets of controls, for 32-bit and for other floats; the
// instruction says which one it is under.
u64 WorkgroupImage::run_slice_modes(Wave& wave, Fetcher& fetcher, u64 budget) {
  const u32 before = _mm_getcsr();
  u64 count = 0;
  while (count < budget && !wave.plain) {
    const Inst* inst = fetcher.fetch(wave.pc);
    wave.pc += inst->size;
    ++count;
    Inst indexed;
    if (wave.indexing && inst->vector_alu) {
      indexed = *inst;
      if (!apply_indexing(wave, indexed)) break;
      inst = &indexed;
    }
    const u32 mode = wave.mode;
    _mm_setcsr(inst->fp64_mode
                   ? host_controls(mode >> kModeRound64Shift, mode >> kModeDenorm64Shift)
                   : host_controls(mode >> kModeRound32Shift, mode >> kModeDenorm32Shift));
    inst->handler(wave, *inst);
    _mm_setcsr(before);
    if (wave.yield) break;
  }
  return count;
}

u64 WorkgroupImage::run_wave(Wave& wave, Fetcher& fetcher, u64 budget) {
  u64 count = 0;
  wave.yield = false;
  while (count < budget && !wave.yield) {
    count += wave.plain ? run_slice(wave, fetcher, budget - count)
                             : run_slice_modes(wave, fetcher, budget - count);
  }
  return count;
}

// The sleep that the caller was told about has passed.
void WorkgroupImage::wake_sleepers() {
  if (slept_cycles_ == 0) return;
  for (WaveHandle& wave : waves_) {
    if (wave->state != WaveState::kSleeping) continue;
    wave->sleep_cycles -= std::min(wave->sleep_cycles, slept_cycles_);
    if (wave->sleep_cycles == 0) wave->state = WaveState::kRunning;
  }
  slept_cycles_ = 0;
}

// Every wave has had its turn. True if run() returns `outcome`.
bool WorkgroupImage::end_round(Outcome& outcome) {
  u32 running = 0, sleeping = 0, waiting = 0;
  u64 shortest = ~0ull;
  for (const WaveHandle& wave : waves_) {
    running += wave->state == WaveState::kRunning;
    waiting += wave->state == WaveState::kBarrier;
    if (wave->state == WaveState::kSleeping) {
      ++sleeping;
      shortest = std::min(shortest, wave->sleep_cycles);
    }
  }
  if (running + sleeping + waiting == 0) {
    outcome = Outcome::kDone;
    return true;
  }
  if (running == 0 && sleeping != 0) {
    slept_cycles_ = shortest;
    outcome = Outcome::kSleeping;
    return true;
  }
  // Others have work to do: time passes for the sleepers. Nobody has: all that
  // live are at the barrier.
  const WaveState wake = sleeping != 0 ? WaveState::kSleeping : WaveState::kBarrier;
  if (running != 0 && sleeping == 0) return false;
  for (WaveHandle& wave : waves_) {
    if (wave->state == wake) wave->state = WaveState::kRunning;
  }
  return false;
}

Outcome WorkgroupImage::run(const std::atomic<uint32_t>& stop, uint64_t max_instructions) {
  if (group_.fault.kind != FaultKind::kNone) return Outcome::kFault;
  ThreadState& thread = thread_state(kernel_->host());
  const u32 saved_controls = _mm_getcsr();
  _mm_setcsr(host_controls(0, 3));
  struct Restore {
    u32 controls;
    ~Restore() { _mm_setcsr(controls); }
  } restore{saved_controls};

  wake_sleepers();
  u64 left = max_instructions;
  for (;;) {
    if (stop.load(std::memory_order_relaxed) != 0) return Outcome::kPreempted;
    if (next_ == waves_.size()) {
      next_ = 0;
      Outcome outcome;
      if (end_round(outcome)) return outcome;
    }
    if (left == 0) return Outcome::kYield;
    Wave& wave = *waves_[next_++];
    if (wave.state != WaveState::kRunning) continue;
    wave.memory = &thread.memory;
    thread.fetcher.refresh();
    const u64 count = run_wave(wave, thread.fetcher, std::min(left, kSlice));
    instructions_ += count;
    left -= count;
    if (wave.state == WaveState::kFaulted) return Outcome::kFault;
  }
}

uint64_t WorkgroupImage::sleep_ns() const {
  const double hz = static_cast<double>(kernel_->host().core_hz);
  return static_cast<u64>(static_cast<double>(slept_cycles_) * 1e9 / hz) + 1;
}

}  // namespace

std::unique_ptr<Workgroup> Workgroup::create(std::shared_ptr<const Kernel> kernel, uint64_t index) {
  auto image = std::static_pointer_cast<const KernelImage>(std::move(kernel));
  auto workgroup = std::make_unique<WorkgroupImage>(std::move(image));
  workgroup->start(index);
  return workgroup;
}

}  // namespace xsim::isa
