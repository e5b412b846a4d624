// SPDX-License-Identifier: Apache-2.0
//
// See socket_watch.h.
#include "socket_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

namespace xsched {
namespace {

constexpr uint32_t kFirstPauseMs = 500;
constexpr uint32_t kLongestPauseMs = 5000;  // one connect(2) each: no tick in 5 s

bool is_directory(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

void SocketWatch::arm() {
  retry_ns_ = 0;
  if (!inotify_) {
    inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    watch_ = -1;
  }
  // A directory may appear between the look and the watch: repeat until the
  // watch stands where the look says it should.
  for (int i = 0; inotify_ && i < 8; ++i) {
    if (watch_deepest()) return;
  }
  inotify_.reset();
}

void SocketWatch::disarm() {
  inotify_.reset();
  watch_ = -1;
  watched_.clear();
  retry_ns_ = 0;
  pause_ms_ = 0;
}

bool SocketWatch::watch_deepest() {
  std::string directory = path_;
  std::string name;
  do {
    const size_t slash = directory.rfind('/');
    if (slash == std::string::npos) {
      name = directory;
      directory.assign(1, '.');  // not = ".": gcc 12 warns of an overlap that cannot be
    } else {
      name = directory.substr(slash + 1);
      directory.resize(slash == 0 ? 1 : slash);
    }
  } while (!is_directory(directory) && directory != "/" && directory != ".");

  if (watch_ >= 0 && directory == watched_) return true;
  if (watch_ >= 0) inotify_rm_watch(inotify_.get(), watch_);
  watch_ = inotify_add_watch(inotify_.get(), directory.c_str(),
                             IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
  watched_ = watch_ >= 0 ? directory : std::string();
  expected_ = name;
  return false;  // look again
}

int SocketWatch::timeout_ms(uint64_t now_ns) const {
  if (retry_ns_ == 0) return -1;
  if (retry_ns_ <= now_ns) return 0;
  return static_cast<int>((retry_ns_ - now_ns + 999'999) / 1'000'000);
}

void SocketWatch::retry_later(uint64_t now_ns) {
  pause_ms_ = pause_ms_ == 0 ? kFirstPauseMs : std::min(pause_ms_ * 2, kLongestPauseMs);
  retry_ns_ = now_ns + uint64_t{pause_ms_} * 1'000'000;
}

bool SocketWatch::triggered(uint64_t now_ns) {
  bool hit = retry_ns_ != 0 && retry_ns_ <= now_ns;
  alignas(inotify_event) char buffer[4096];
  ssize_t n;
  while (inotify_ && (n = read(inotify_.get(), buffer, sizeof buffer)) > 0) {
    for (ssize_t at = 0; at < n;) {
      inotify_event event;
      memcpy(&event, buffer + at, sizeof event);
      // The watch itself ended (its directory went, or we moved it).
      if ((event.mask & IN_IGNORED) != 0 && event.wd == watch_) {
        watch_ = -1;
        watched_.clear();
      }
      const bool about_itself = (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_Q_OVERFLOW)) != 0;
      if ((event.mask & IN_MOVE_SELF) != 0) watched_.clear();
      const char* name = buffer + at + sizeof event;
      if (about_itself || (event.len > 0 && expected_ == name)) hit = true;
      at += static_cast<ssize_t>(sizeof event) + event.len;
    }
  }
  return hit;
}

}  // namespace xsched
