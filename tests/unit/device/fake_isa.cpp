// SPDX-License-Identifier: Apache-2.0
#include "fake_isa.h"

#include <cstring>

#include "tools/sim/device/aql_packets.h"

namespace xsim::test {
std::atomic<uint32_t> invalidations{0};
}

namespace xsim::isa {
namespace {

using test::FakeKernel;

class TestKernel final : public Kernel {
 public:
  TestKernel(FakeKernel* fake, uint64_t groups) : fake_(fake), groups_(groups) {}
  const Footprint& footprint() const override { return fake_->footprint; }
  uint64_t workgroups() const override { return groups_; }
  const std::string& name() const override { return fake_->name; }
  FakeKernel* fake() const { return fake_; }

 private:
  FakeKernel* fake_;
  uint64_t groups_;
};

class TestWorkgroup final : public Workgroup {
 public:
  TestWorkgroup(std::shared_ptr<const Kernel> kernel, uint64_t index)
      : kernel_(std::static_pointer_cast<const TestKernel>(std::move(kernel))), index_(index) {
    FakeKernel& f = *kernel_->fake();
    ++f.created;
    const uint64_t alive = ++f.alive;
    uint64_t most = f.most_alive;
    while (alive > most && !f.most_alive.compare_exchange_weak(most, alive)) {
    }
  }
  ~TestWorkgroup() override { --kernel_->fake()->alive; }
  Outcome run(const std::atomic<uint32_t>& stop, uint64_t) override {
    FakeKernel& f = *kernel_->fake();
    ++instructions_;
    const Outcome o = f.body ? f.body(index_, call_++, stop) : Outcome::kDone;
    if (o == Outcome::kDone) ++f.done;
    return o;
  }
  uint64_t sleep_ns() const override { return kernel_->fake()->sleep_ns; }
  const Fault& fault() const override { return kernel_->fake()->fault; }
  uint64_t instructions() const override { return instructions_; }

 private:
  std::shared_ptr<const TestKernel> kernel_;
  uint64_t index_;
  uint64_t instructions_ = 0;
  uint32_t call_ = 0;
};

}  // namespace

std::shared_ptr<const Kernel> Kernel::create(const Host&, const void* packet, uint64_t, const void*,
                                             Fault& fault) {
  dev::DispatchPacket p;
  memcpy(&p, packet, sizeof p);
  auto* fake = reinterpret_cast<FakeKernel*>(p.kernel_object);
  if (fake->name == "refused") {
    fault.kind = FaultKind::kBadDispatch;
    fault.text = "a descriptor nobody can read";
    return nullptr;
  }
  const auto groups = [](uint32_t grid, uint16_t size) { return (grid + size - 1ull) / size; };
  return std::make_shared<TestKernel>(fake, groups(p.grid_x, p.workgroup_x) *
                                                groups(p.grid_y, p.workgroup_y) *
                                                groups(p.grid_z, p.workgroup_z));
}

std::unique_ptr<Workgroup> Workgroup::create(std::shared_ptr<const Kernel> kernel, uint64_t index) {
  return std::make_unique<TestWorkgroup>(std::move(kernel), index);
}

void invalidate_code() {
  ++test::invalidations;
}

}  // namespace xsim::isa
