// SPDX-License-Identifier: Apache-2.0
//
// See trace_file.h.
#include "trace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace xsched {
namespace {

constexpr size_t kRecords = 2048;  // 64 KiB

}  // namespace

TraceFile TraceFile::open(const std::string& path, std::string& error) {
  TraceFile trace;
  trace.file_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!trace.file_) {
    error = "cannot make the trace " + path + ": " + strerror(errno);
    return trace;
  }
  trace.buffer_.reserve(kRecords);
  return trace;
}

void TraceFile::put(const TraceRecord& record) {
  if (!file_) return;
  buffer_.push_back(record);
  if (buffer_.size() == kRecords) flush();
}

void TraceFile::flush() {
  if (!file_) return;
  const size_t bytes = buffer_.size() * sizeof(TraceRecord);
  if (write(file_.get(), buffer_.data(), bytes) != static_cast<ssize_t>(bytes)) {
    // A hole in it would be worse than its end.
    log(LogLevel::kError, "the trace ends here: %s", strerror(errno));
    file_.reset();
  }
  buffer_.clear();
}

}  // namespace xsched
