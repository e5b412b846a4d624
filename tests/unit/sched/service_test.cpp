// SPDX-License-Identifier: Apache-2.0
//
// xschedd under a service manager: what it says, what it inherits, its log.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "processes.h"

namespace xsched::test {
namespace {

class ServiceTest : public Scheduled {
 protected:
  // A listening socket at socket(), as systemd makes one.
  Fd listen_as_manager(int type) {
    mkdir((folder_ + "/run").c_str(), 0755);
    Fd fd(::socket(AF_UNIX, type, 0));  // inherited
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, socket().c_str(), socket().size());
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 16), 0);
    return fd;
  }
  // A shell that hands it over under the number and the pid that sd_listen_fds(3) asks for.
  std::vector<std::string> activated(const Fd& fd) {
    return {"/bin/sh", "-c",
            "exec 3<&" + std::to_string(fd.get()) +
                "; export LISTEN_PID=$$ LISTEN_FDS=1; exec " XSCHEDD " --config /dev/null"};
  }
};

TEST_F(ServiceTest, SaysWhenItLeaves) {
  auto daemon = start_daemon();
  daemon->signal(SIGTERM);
  EXPECT_EQ(told().substr(0, 10), "STOPPING=1");
  EXPECT_EQ(daemon->wait(), 0);
}

TEST_F(ServiceTest, FeedsTheWatchdogWhileItLives) {
  auto daemon = start_daemon({}, {{"WATCHDOG_USEC", "200000"}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(told(), "WATCHDOG=1");
}

TEST_F(ServiceTest, AnotherProcessesWatchdogIsNotItsOwn) {
  auto daemon = start_daemon({}, {{"WATCHDOG_USEC", "1000"}, {"WATCHDOG_PID", "1"}});
  daemon->signal(SIGTERM);
  EXPECT_EQ(told().substr(0, 10), "STOPPING=1");
}

TEST_F(ServiceTest, TakesTheManagersSocketAndLeavesItThere) {
  const Fd fd = listen_as_manager(SOCK_SEQPACKET);
  Client early(environment_);  // waits in the backlog
  early.ask("add 0");
  auto daemon = start_service(activated(fd), {});
  Client high(environment_);
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  EXPECT_TRUE(early.ok("suspended 0"));
  daemon->signal(SIGTERM);
  EXPECT_EQ(daemon->wait(), 0);
  EXPECT_EQ(access(socket().c_str(), F_OK), 0);
  EXPECT_TRUE(early.ok("running 0"));
}

TEST_F(ServiceTest, AStreamSocketOfTheManagerIsRefused) {
  const Fd fd = listen_as_manager(SOCK_STREAM);
  Process daemon(activated(fd), {}, false);
  EXPECT_EQ(daemon.wait(), 1);
}

TEST_F(ServiceTest, TheJournalGetsPriorities) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Fd ours(ends[0]), theirs(ends[1]);
  struct stat status;
  ASSERT_EQ(fstat(theirs.get(), &status), 0);
  auto daemon = start_service(
      {"/bin/sh", "-c",
       "exec 2>&" + std::to_string(theirs.get()) +
           "; exec " XSCHEDD " --config /dev/null --socket " + socket()},
      {{"JOURNAL_STREAM", std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino)}});
  char text[64] = {};
  ASSERT_GT(recv(ours.get(), text, sizeof text - 1, 0), 0);
  EXPECT_EQ(text[0], '<');
  EXPECT_EQ(text[2], '>');
}

class MetricsTest : public ServiceTest {
 protected:
  // A port that was free a moment ago.
  static uint16_t free_port() {
    const Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
  }
  static Fd reach(uint16_t port) {
    Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static std::string get(uint16_t port, const std::string& path) {
    const Fd fd = reach(port);
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
    send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string reply;
    char bytes[1024];
    for (ssize_t n; (n = recv(fd.get(), bytes, sizeof bytes, 0)) > 0;) {
      reply.append(bytes, static_cast<size_t>(n));
    }
    return reply;
  }
};

TEST_F(MetricsTest, TellWhatIsThere) {
  const uint16_t port = free_port();
  auto daemon = start_daemon({"--metrics", std::to_string(port)});
  Client low(environment_), high(environment_);
  low.ask("add 0");
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  ASSERT_TRUE(low.ok("suspended 0"));
  const std::string reply = get(port, "/metrics");
  EXPECT_EQ(reply.substr(0, 15), "HTTP/1.1 200 OK");
  for (const char* line :
       {"\nxschedd_processes 2\n", "\nxschedd_xqueues 2\n", "\nxschedd_xqueues_ready 1\n",
        "\nxschedd_xqueues_suspended 1\n", "\nxschedd_policy{name=\"HPF\"} 1\n"}) {
    EXPECT_NE(reply.find(line), std::string::npos) << line << " in " << reply;
  }
  EXPECT_EQ(get(port, "/").substr(0, 12), "HTTP/1.1 404");
}

TEST_F(MetricsTest, OneThatAsksAndNeverReadsHoldsNobodyUp) {
  const uint16_t port = free_port();
  auto daemon = start_daemon({"--metrics", "127.0.0.1:" + std::to_string(port)});
  const Fd silent = reach(port);
  Client low(environment_), high(environment_);
  low.ask("add 0");
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  EXPECT_TRUE(low.ok("suspended 0"));
  EXPECT_EQ(get(port, "/metrics").substr(0, 15), "HTTP/1.1 200 OK");  // its turn comes
  daemon->signal(SIGTERM);
  EXPECT_EQ(daemon->wait(), 0);
}

TEST_F(MetricsTest, AnAddressThatIsNoneIsAFailure) {
  for (const char* where : {"x", "127.0.0.1:", "localhost:1", "203.0.113.1:1", "0", "65536", "99999"}) {
    Process daemon({XSCHEDD, "--socket", socket(), "--config", "/dev/null", "--metrics", where}, {},
                   false);
    EXPECT_EQ(daemon.wait(), 1) << where;
  }
}

// Who reads the log hangs, or the disk is full: the daemon goes on.
TEST_F(ServiceTest, AFullLogHoldsNobodyUp) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  const Fd ours(ends[0]), theirs(ends[1]);
  const std::string block(4096, '.');
  while (write(theirs.get(), block.data(), block.size()) > 0) {
  }
  fcntl(theirs.get(), F_SETFL, 0);  // whose write now waits
  for (const std::string& log :
       {">&" + std::to_string(theirs.get()), std::string(">/dev/full"), std::string(">&-")}) {
    auto daemon = start_service(
        {"/bin/sh", "-c",
         "exec 2" + log + "; exec " XSCHEDD " --config /dev/null --socket " + socket()},
        {});
    Client low(environment_), high(environment_);
    low.ask("add 0");
    high.ask("add 10");
    ASSERT_TRUE(high.ok("ready 0"));
    EXPECT_TRUE(low.ok("suspended 0")) << log;
    daemon->signal(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0) << log;
  }
}

}  // namespace
}  // namespace xsched::test
