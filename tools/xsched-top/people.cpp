// SPDX-License-Identifier: Apache-2.0
//
// See people.h.
#include "people.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sched/fd.h"

namespace xsched::top {
namespace {

// exec changes the command line, and a pid may be reused.
constexpr uint64_t kLookAgainNs = 10'000'000'000;

}  // namespace

std::string printable(const std::string& text) {
  std::string out = text;
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

void People::look(int32_t pid, Process& process) const {
  process.uid.reset();
  process.command.clear();
  const std::string folder = root_ + "/proc/" + std::to_string(pid);
  struct stat info {};
  // The owner of the folder is the effective user, root for an undumpable one.
  if (stat(folder.c_str(), &info) == 0) process.uid = info.st_uid;
  const Fd file(open((folder + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return;
  char text[512];
  ssize_t n = read(file.get(), text, sizeof text);
  while (n > 0 && text[n - 1] == '\0') --n;
  if (n <= 0) return;
  process.command.assign(text, static_cast<size_t>(n));
  for (char& c : process.command) {
    if (c == '\0') c = ' ';
  }
  process.command = printable(process.command);
}

void People::complete(Snapshot& snapshot) {
  for (Queue& q : snapshot.queues) {
    Process& process = processes_[q.pid];
    if (process.read_ns == 0 || snapshot.time_ns - process.read_ns > kLookAgainNs) {
      look(q.pid, process);
      process.read_ns = snapshot.time_ns;
    }
    process.seen_ns = snapshot.time_ns;
    if (!q.uid) q.uid = process.uid;
    if (q.uid) q.user = name_of(*q.uid);
    if (!process.command.empty()) q.command = process.command;
  }
  std::erase_if(processes_,
                [&](const auto& entry) { return entry.second.seen_ns != snapshot.time_ns; });
}

const std::string& People::name_of(uint32_t uid) {
  const auto [at, added] = names_.try_emplace(uid);
  if (added) {
    const passwd* entry = getpwuid(uid);
    at->second = entry != nullptr ? printable(entry->pw_name) : std::to_string(uid);
  }
  return at->second;
}

}  // namespace xsched::top
