// SPDX-License-Identifier: Apache-2.0
//
// Peers that break the protocol lose their connection and change nothing.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <functional>

#include "processes.h"
#include "runtime/sched/protocol.h"
#include "runtime/sched/slot_memory.h"

namespace xsched::test {
namespace {

class Peer {
 public:
  explicit Peer(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.c_str(), path.size());
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  int fd() const { return socket_.get(); }
  template <typename Message>
  void send(const Message& message, int fd = -1) {
    send_message(socket_.get(), message, fd);
  }
  // Waits for the next message; kClosed if the daemon hung up.
  Received receive() {
    pollfd fd{socket_.get(), POLLIN, 0};
    EXPECT_GE(poll(&fd, 1, 60'000), 1) << "the daemon is silent";
    return receive_bytes(socket_.get(), buffer_);
  }
  bool hung_up() {
    for (;;) {
      const Received received = receive();
      if (received.result == IoResult::kClosed) return true;
      if (received.result == IoResult::kAgain) return false;
    }
  }
  bool welcomed() {
    Received received = receive();
    WelcomeMessage welcome;
    if (!read_message(std::span<const std::byte>(buffer_).first(received.size),
                      MessageType::kWelcome, welcome)) {
      return false;
    }
    return welcome.status == static_cast<uint32_t>(Status::kOk) && received.fd;
  }

 private:
  Fd socket_;
  std::byte buffer_[kMaxMessage];
};

HelloMessage good_hello() {
  HelloMessage hello = make_message<HelloMessage>(MessageType::kHello);
  hello.slot_abi = kSlotAbi;
  hello.lease_ms = 1000;
  return hello;
}

class HostileTest : public Scheduled {
 protected:
  // A bystander that must not notice anything.
  void SetUp() override {
    daemon_ = start_daemon();
    bystander_ = std::make_unique<Client>(environment_);
    bystander_->ask("add 0");
    ASSERT_TRUE(bystander_->ok("status xschedd"));
  }
  void TearDown() override {
    EXPECT_EQ(bystander_->ask("look 0").substr(0, 5), "run 1");
    EXPECT_EQ(ctl({"info"}), 0);
    Client high(environment_);
    high.ask("add 10");
    EXPECT_TRUE(high.ok("ready 0"));
    EXPECT_TRUE(bystander_->ok("suspended 0"));
  }
  std::unique_ptr<Process> daemon_;
  std::unique_ptr<Client> bystander_;
};

TEST_F(HostileTest, MalformedMessages) {
  std::string error;
  const SlotMemory table = SlotMemory::create(error);
  const std::vector<std::function<void(Peer&)>> attacks = {
      [](Peer& p) { send_bytes(p.fd(), "x", 1); },
      [](Peer& p) { send_bytes(p.fd(), std::string(5000, '\xff').data(), 5000); },
      [](Peer& p) { send_bytes(p.fd(), std::string(60'000, 'y').data(), 60'000); },  // oversize
      [](Peer& p) {
        HelloMessage hello = good_hello();
        hello.header.magic = 7;
        p.send(hello);
      },
      [](Peer& p) {
        HelloMessage hello = good_hello();
        hello.header.abi = 9;
        p.send(hello);
      },
      [](Peer& p) {
        HelloMessage hello = good_hello();
        hello.header.size = 1 << 30;
        p.send(hello);
      },
      [](Peer& p) { p.send(make_message<StartMessage>(MessageType{999})); },
      [](Peer& p) { p.send(make_message<WelcomeMessage>(MessageType::kWelcome)); },
      [](Peer& p) { p.send(make_message<StartMessage>(MessageType::kStart)); },    // out of turn
      [](Peer& p) { p.send(make_message<ResyncMessage>(MessageType::kResync)); },  // out of turn
      [&](Peer& p) { p.send(make_message<InfoRequest>(MessageType::kInfoRequest), table.fd()); },
  };
  for (size_t i = 0; i < attacks.size(); ++i) {
    Peer peer(socket());
    attacks[i](peer);
    EXPECT_TRUE(peer.hung_up()) << "attack " << i;
  }
}

TEST_F(HostileTest, UnfitTables) {
  std::string error;
  const SlotMemory foreign = SlotMemory::create(error);
  foreign.table()->magic.store(1);
  const Fd unsealed(memfd_create("t", MFD_ALLOW_SEALING | MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(unsealed.get(), sizeof(SlotTable)), 0);
  const Fd small(memfd_create("t", MFD_ALLOW_SEALING | MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(small.get(), 4096), 0);
  ASSERT_EQ(fcntl(small.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  const Fd read_only(memfd_create("t", MFD_ALLOW_SEALING | MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(read_only.get(), sizeof(SlotTable)), 0);
  ASSERT_EQ(fcntl(read_only.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE), 0);
  const Fd event(eventfd(0, EFD_CLOEXEC));
  for (int fd : {-1, foreign.fd(), unsealed.get(), small.get(), read_only.get(), event.get()}) {
    Peer peer(socket());
    peer.send(good_hello(), fd);
    EXPECT_FALSE(peer.welcomed()) << fd;
    EXPECT_TRUE(peer.hung_up());
  }
  HelloMessage other = good_hello();
  other.slot_abi = 77;
  const SlotMemory good = SlotMemory::create(error);
  Peer peer(socket());
  peer.send(other, good.fd());
  EXPECT_FALSE(peer.welcomed());
}

TEST_F(HostileTest, SecondHelloAndControlFromAProcess) {
  std::string error;
  const SlotMemory table = SlotMemory::create(error);
  for (int attack = 0; attack < 3; ++attack) {
    Peer peer(socket());
    peer.send(good_hello(), table.fd());
    ASSERT_TRUE(peer.welcomed());
    if (attack == 0) peer.send(good_hello(), table.fd());
    if (attack == 1) peer.send(make_message<InfoRequest>(MessageType::kInfoRequest));
    if (attack == 2) {
      peer.send(make_message<StartMessage>(MessageType::kStart));
      peer.send(make_message<StartMessage>(MessageType::kStart));
    }
    EXPECT_TRUE(peer.hung_up()) << attack;
  }
}

TEST_F(HostileTest, LyingTableAndStuckEventfd) {
  std::string error;
  const SlotMemory table = SlotMemory::create(error);
  memset(static_cast<void*>(table.table()->slot), 0xff, sizeof table.table()->slot);
  table.table()->high_water.store(~0u);
  for (Slot& slot : table.table()->slot) {
    slot.identity.state.store(IdentityLine::kUsed);
    slot.identity.priority.store(-100);
  }
  Peer peer(socket());
  peer.send(good_hello(), table.fd());
  std::byte buffer[kMaxMessage];
  pollfd fd{peer.fd(), POLLIN, 0};
  ASSERT_EQ(poll(&fd, 1, 60'000), 1);
  const Received welcome = receive_bytes(peer.fd(), buffer);
  ASSERT_TRUE(welcome.fd);
  peer.send(make_message<StartMessage>(MessageType::kStart));
  // The eventfd is shared: make it blocking and full.
  fcntl(welcome.fd.get(), F_SETFL, 0);
  const uint64_t full = ~uint64_t{0} - 1;
  ASSERT_EQ(write(welcome.fd.get(), &full, sizeof full), static_cast<ssize_t>(sizeof full));
  std::string output;
  EXPECT_EQ(ctl({"list", "--json"}, &output), 0);
  // Shrinking it under the daemon's feet is refused by the seal.
  EXPECT_NE(ftruncate(table.fd(), 0), 0);
}

TEST_F(HostileTest, ManySilentConnections) {
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 200; ++i) peers.push_back(std::make_unique<Peer>(socket()));
  EXPECT_EQ(ctl({"info"}), 0);
}

}  // namespace
}  // namespace xsched::test
