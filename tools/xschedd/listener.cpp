// SPDX-License-Identifier: Apache-2.0
//
// See listener.h.
#include "listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace xsched {
namespace {

std::string with_errno(const std::string& what) {
  return what + ": " + strerror(errno);
}

// One level: /run/xsched. Anything deeper is the administrator's.
bool make_parent(const std::string& path, std::string& error) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return true;
  const std::string directory = path.substr(0, slash);
  if (mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) return true;
  error = with_errno("cannot make " + directory);
  return false;
}

// The socket is renamed over what is there, which must not be somebody's file.
bool may_replace(const std::string& path, std::string& error) {
  if (path.empty()) {
    error = "the socket's path is empty: name one with --socket";
    return false;
  }
  struct stat there {};
  if (stat(path.c_str(), &there) != 0 || S_ISSOCK(there.st_mode)) return true;
  error = path + " is there and is no socket: choose another --socket";
  return false;
}

std::string who_has(int lock, const std::string& path) {
  struct flock query {};
  query.l_type = F_WRLCK;
  query.l_whence = SEEK_SET;
  if (fcntl(lock, F_GETLK, &query) == 0 && query.l_type != F_UNLCK && query.l_pid > 0) {
    return "xschedd with pid " + std::to_string(query.l_pid) + " already serves " + path +
           ": stop it, or choose another --socket";
  }
  return "another xschedd already serves " + path + ": stop it, or choose another --socket";
}

// So that there is one daemon a path.
Fd take_lock(const std::string& path, std::string& error) {
  const std::string lock_path = path + ".lock";
  Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock) {
    error = with_errno("cannot open " + lock_path);
    return lock;
  }
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  if (fcntl(lock.get(), F_SETLK, &request) != 0) {
    error = who_has(lock.get(), path);
    lock.reset();
  }
  return lock;
}

int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

Listener Listener::inherit(std::string& error) {
  constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
  Listener listener;
  const char* pid = getenv("LISTEN_PID");
  const char* count = getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::to_string(getpid()) != pid) return listener;
  if (strcmp(count, "1") != 0) {
    error = std::string("LISTEN_FDS is '") + count +
            "': xschedd takes one socket, of ListenSequentialPacket=";
    return listener;
  }
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (option(kFirst, SO_DOMAIN) != AF_UNIX || option(kFirst, SO_TYPE) != SOCK_SEQPACKET ||
      option(kFirst, SO_ACCEPTCONN) != 1 ||
      getsockname(kFirst, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] != '/') {
    error =
        "descriptor 3 is no listening SOCK_SEQPACKET socket with a path: "
        "use ListenSequentialPacket=/run/xsched/xschedd.sock";
    return listener;
  }
  if (fcntl(kFirst, F_SETFD, FD_CLOEXEC) != 0 || fcntl(kFirst, F_SETFL, O_NONBLOCK) != 0) {
    error = with_errno("the inherited socket");
    return listener;
  }
  const std::string path(address.sun_path,
                         strnlen(address.sun_path, size - offsetof(sockaddr_un, sun_path)));
  Fd lock = take_lock(path, error);
  if (!lock) return listener;
  listener.path_ = path;
  listener.inherited_ = true;
  listener.lock_ = std::move(lock);
  listener.socket_.reset(kFirst);
  return listener;
}

Listener Listener::open(const std::string& path, std::string& error) {
  Listener listener;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The socket is made under another name first and renamed into place.
  const std::string temporary = path + ".new";
  if (temporary.size() >= sizeof address.sun_path) {
    error = "the socket's path has " + std::to_string(path.size()) + " characters, at most " +
            std::to_string(sizeof address.sun_path - 5) + " are possible";
    return listener;
  }
  if (!may_replace(path, error) || !make_parent(path, error)) return listener;

  Fd lock = take_lock(path, error);
  if (!lock) return listener;

  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  memcpy(address.sun_path, temporary.c_str(), temporary.size());
  unlink(temporary.c_str());
  // Everybody may connect: what a peer may do is decided by its credentials.
  if (!socket || bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      chmod(temporary.c_str(), 0666) != 0 || listen(socket.get(), SOMAXCONN) != 0 ||
      rename(temporary.c_str(), path.c_str()) != 0) {
    error = with_errno("cannot listen on " + path);
    unlink(temporary.c_str());
    return listener;
  }
  listener.path_ = path;
  listener.lock_ = std::move(lock);
  listener.socket_ = std::move(socket);
  return listener;
}

void Listener::close() {
  if (!socket_) return;
  if (!inherited_) unlink(path_.c_str());
  socket_.reset();
  // The lock file stays: removing it would let two daemons lock two files.
  lock_.reset();
}

}  // namespace xsched
