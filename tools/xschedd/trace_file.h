// SPDX-License-Identifier: Apache-2.0
//
// The decisions of this daemon in a file, TraceRecord by TraceRecord
// (sched/decision_trace.h), for tests/bench/xschedd_load to check.
#pragma once

#include <string>
#include <vector>

#include "sched/decision_trace.h"
#include "sched/fd.h"

namespace xsched {

class TraceFile final : public DecisionTrace {
 public:
  // Empty, and `error` says why. The file must not exist yet.
  static TraceFile open(const std::string& path, std::string& error);
  TraceFile() = default;
  TraceFile(TraceFile&&) = default;
  TraceFile& operator=(TraceFile&&) = default;
  ~TraceFile() override { flush(); }

  explicit operator bool() const { return static_cast<bool>(file_); }
  void put(const TraceRecord& record) override;

 private:
  void flush();

  Fd file_;
  std::vector<TraceRecord> buffer_;
};

}  // namespace xsched
