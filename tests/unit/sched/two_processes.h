// SPDX-License-Identifier: Apache-2.0
//
// Two processes' slot tables and the arbiter that decides for both, with
// modelled time: nothing happens but in cycle().
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "fake_xqueues.h"
#include "runtime/sched/arbiter.h"

namespace xsched::test {

class TwoProcesses : public ::testing::Test {
 protected:
  explicit TwoProcesses(std::unique_ptr<Policy> policy)
      : arbiter_(std::move(policy)), view_(a_.table()), other_(b_.table()) {
    arbiter_.add(view_);
    arbiter_.add(other_);
  }
  explicit TwoProcesses(const char* policy) : TwoProcesses(made(policy)) {}

  static std::unique_ptr<Policy> made(const char* policy) {
    std::string error;
    return make_policy(policy, error);
  }
  // Reads both tables, decides, publishes. True if anything was new. By default
  // long after the last one, so that nothing lingers.
  bool cycle(uint64_t later_ns = 10 * kLingerNs) {
    now_ += later_ns;
    bool changed = false;
    for (TableView* view : {&view_, &other_}) changed |= view->scan(now_);
    arbiter_.decide(now_, scope_);
    for (TableView* view : {&view_, &other_}) {
      if (view->changed()) view->publish();
    }
    return changed;
  }
  static void ready(FakeXQueues& x, uint32_t i) { x.slot(i).state.ready.store(1); }
  static void idle(FakeXQueues& x, uint32_t i) { x.slot(i).state.ready.store(0); }
  static bool runs(FakeXQueues& x, uint32_t i) { return x.slot(i).control.run.load() != 0; }

  FakeXQueues a_, b_;
  Arbiter arbiter_;
  TableView view_, other_;  // of a_, of b_
  Arbiter::Scope scope_ = Arbiter::Scope::kAll;
  uint64_t now_ = 1;
};

}  // namespace xsched::test
