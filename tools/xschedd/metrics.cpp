// SPDX-License-Identifier: Apache-2.0
//
// See metrics.h.
#include "metrics.h"

#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "base/clock.h"

namespace xsched {
namespace {

constexpr uint64_t kFreshNs = 100'000'000;
constexpr int kPatienceMs = 1000;  // for one that asks, in all
constexpr size_t kMostRequest = 4096;

void add(std::string& text, const char* name, const char* type, const char* help,
         const std::string& value, const std::string& labels = "") {
  const std::string full = std::string("xschedd_") + name;
  text += "# HELP " + full + " " + help + "\n# TYPE " + full + " " + type + "\n" + full + labels +
          " " + value + "\n";
}

bool wait_for(int fd, short events, uint64_t until_ns) {
  const uint64_t now = now_ns();
  pollfd p{fd, events, 0};
  return now < until_ns && poll(&p, 1, static_cast<int>((until_ns - now) / 1'000'000) + 1) == 1;
}

}  // namespace

std::string to_text(const Figures& f) {
  const auto n = [](uint64_t value) { return std::to_string(value); };
  std::string text;
  add(text, "processes", "gauge", "Processes scheduled here.", n(f.processes));
  add(text, "xqueues", "gauge", "XQueues of these processes.", n(f.xqueues));
  add(text, "xqueues_ready", "gauge", "XQueues with uncompleted packets.", n(f.ready));
  add(text, "xqueues_suspended", "gauge", "XQueues told to wait.", n(f.suspended));
  add(text, "xqueues_held", "gauge", "XQueues that an operator suspends.", n(f.held));
  add(text, "decisions_total", "counter", "Times that the policy was asked.", n(f.decisions));
  add(text, "edges_total", "counter", "Wake-ups by processes.", n(f.edges));
  add(text, "suspends", "gauge", "Suspends carried out by the XQueues there are, as they say.",
      n(f.suspends));
  add(text, "reloads_total", "counter", "Configurations taken at SIGHUP.", n(f.reloads));
  add(text, "reloads_refused_total", "counter", "Configurations refused at SIGHUP.",
      n(f.reloads_refused));
  add(text, "peers_refused_total", "counter", "Peers that broke the protocol.", n(f.peers_refused));
  add(text, "uptime_seconds", "gauge", "Since the start.",
      std::to_string(static_cast<double>(f.uptime_ns) / 1e9));
  add(text, "module", "gauge", "1 if /dev/xsched is in use.", f.module ? "1" : "0");
  add(text, "policy", "gauge", "The policy in use.", "1", "{name=\"" + f.policy + "\"}");
  return text;
}

bool Metrics::listen(const std::string& where, std::string& error) {
  const size_t colon = where.rfind(':');
  std::string address = colon == std::string::npos ? "127.0.0.1" : where.substr(0, colon);
  const std::string port = colon == std::string::npos ? where : where.substr(colon + 1);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  const int wrong = getaddrinfo(address.c_str(), port.c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(wrong == 0 ? found : nullptr,
                                                                 freeaddrinfo);
  // getaddrinfo takes a number of any size modulo 65536.
  const bool port_right = !port.empty() && port.size() <= 5 &&
                          port.find_first_not_of("0123456789") == std::string::npos &&
                          std::stoi(port) >= 1 && std::stoi(port) <= 65535;
  if (wrong != 0 || !port_right) {
    error = "--metrics " + where + ": " +
            (port_right ? gai_strerror(wrong) : "the port is '" + port + "'") +
            "; valid are ADDR:PORT, [ADDR]:PORT and PORT, in numbers, ports 1..65535";
    return false;
  }
  socket_.reset(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int one = 1;
  if (!socket_ || setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      bind(socket_.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket_.get(), 16) != 0) {
    error = "--metrics " + where + ": " + strerror(errno);
    socket_.reset();
    return false;
  }
  return true;
}

bool Metrics::start(int wanted) {
  if (!socket_) return true;
  wanted_ = wanted;
  stop_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  // Signals are the loop's. Its real-time priority is not inherited (urgent_thread.h).
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
  }
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return thread_.joinable() && stop_;
}

void Metrics::stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void Metrics::run() {
  for (;;) {
    pollfd fds[2] = {{stop_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) return;
    const Fd client(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client) {
      serve(client.get());
    } else if (errno == EMFILE || errno == ENFILE) {
      poll(fds, 1, kPatienceMs);  // else this would spin
    }
  }
}

void Metrics::serve(int client) {
  const uint64_t until = now_ns() + uint64_t{kPatienceMs} * 1'000'000;
  std::string request;
  char bytes[512];
  while (request.find("\r\n\r\n") == std::string::npos && request.size() < kMostRequest) {
    if (!wait_for(client, POLLIN, until)) return;
    const ssize_t n = recv(client, bytes, sizeof bytes, 0);
    if (n <= 0) return;
    request.append(bytes, static_cast<size_t>(n));
  }
  std::string status = "200 OK", body;
  if (request.compare(0, 13, "GET /metrics ") != 0) {
    status = "404 Not Found";
    body = "GET /metrics\n";
  } else if (!refresh(body)) {
    status = "503 Service Unavailable";
    body = "xschedd is busy\n";
  }
  const std::string reply = "HTTP/1.1 " + status +
                            "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                            "Connection: close\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body;
  for (size_t sent = 0; sent < reply.size();) {
    if (!wait_for(client, POLLOUT, until)) return;
    const ssize_t n = send(client, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
}

bool Metrics::refresh(std::string& text) {
  std::unique_lock<std::mutex> lock(mutex_);
  const uint64_t now = now_ns();
  if (text_ns_ == 0 || now - text_ns_ > kFreshNs) {
    const uint64_t one = 1;
    [[maybe_unused]] ssize_t n = write(wanted_, &one, sizeof one);
    if (!answered_.wait_for(lock, std::chrono::milliseconds(kPatienceMs),
                            [&] { return text_ns_ >= now; })) {
      return false;
    }
  }
  text = text_;
  return true;
}

void Metrics::answer(const Figures& figures) {
  std::string text = to_text(figures);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    text_.swap(text);
    text_ns_ = now_ns();
  }
  answered_.notify_all();
}

}  // namespace xsched
