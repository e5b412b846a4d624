// SPDX-License-Identifier: Apache-2.0
//
// See listener.h.
#include "listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

}  // namespace

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
  if (!make_parent(path, error)) return listener;

  const std::string lock_path = path + ".lock";
  Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock) {
    error = with_errno("cannot open " + lock_path);
    return listener;
  }
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  if (fcntl(lock.get(), F_SETLK, &request) != 0) {
    error = who_has(lock.get(), path);
    return listener;
  }

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
  unlink(path_.c_str());
  socket_.reset();
  // The lock file stays: removing it would let two daemons lock two files.
  lock_.reset();
}

}  // namespace xsched
