// SPDX-License-Identifier: Apache-2.0
//
// See notifier.h.
#include "notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"

namespace xsched {
namespace {

// A number of the environment, 0 if there is none.
uint64_t number(const char* name) {
  const char* text = getenv(name);
  if (text == nullptr || *text < '0' || *text > '9') return 0;
  char* end = nullptr;
  const unsigned long long value = strtoull(text, &end, 10);
  return *end == '\0' ? value : 0;
}

}  // namespace

Notifier::Notifier() {
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return;
  if ((*path != '/' && *path != '@') || strlen(path) >= sizeof sockaddr_un{}.sun_path) {
    log(LogLevel::kWarn, "NOTIFY_SOCKET is '%s', no path of a unix socket: systemd is told nothing",
        path);
    return;
  }
  address_ = path;
  if (address_[0] == '@') address_[0] = '\0';
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // WATCHDOG_PID: another process of the service may be the one that is watched.
  const uint64_t pid = number("WATCHDOG_PID");
  if (pid == 0 || pid == static_cast<uint64_t>(getpid())) {
    watchdog_period_ns_ = number("WATCHDOG_USEC") * 1000 / 2;
  }
}

void Notifier::say(std::string_view text) {
  if (!socket_) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  if (sendto(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
             reinterpret_cast<sockaddr*>(&address), size) >= 0) {
    return;
  }
  static Once once;
  if (once.first()) {
    log(LogLevel::kWarn, "systemd cannot be told '%.20s' (%s): %s", text.data(),
        getenv("NOTIFY_SOCKET"), strerror(errno));
  }
}

void Notifier::ready() {
  say("READY=1\nSTATUS=scheduling");
}

void Notifier::reloading() {
  // The time lets the manager tell this reload from an earlier one (Type=notify-reload).
  say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_ns() / 1000));
}

void Notifier::stopping() {
  say("STOPPING=1\nSTATUS=every process runs");
}

void Notifier::alive() {
  say("WATCHDOG=1");
}

}  // namespace xsched
