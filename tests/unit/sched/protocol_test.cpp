// SPDX-License-Identifier: Apache-2.0
//
// The parser: every message of the protocol, and what is none.
#include "runtime/sched/protocol.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstring>

namespace xsched {
namespace {

template <typename Message>
std::vector<std::byte> bytes_of(const Message& message) {
  std::vector<std::byte> bytes(sizeof message);
  memcpy(bytes.data(), &message, sizeof message);
  return bytes;
}

std::vector<std::byte> hello_bytes() {
  HelloMessage hello = make_message<HelloMessage>(MessageType::kHello);
  hello.slot_abi = 1;
  hello.lease_ms = 77;
  return bytes_of(hello);
}

TEST(Protocol, TakesAHello) {
  std::string error;
  const Request request = parse_request(hello_bytes(), error);
  const auto* hello = std::get_if<HelloMessage>(&request);
  ASSERT_NE(hello, nullptr) << error;
  EXPECT_EQ(hello->lease_ms, 77u);
}

TEST(Protocol, RefusesEveryTruncationAndExtension) {
  const std::vector<std::byte> good = hello_bytes();
  for (size_t size = 0; size < good.size() + 40; ++size) {
    if (size == good.size()) continue;
    std::vector<std::byte> bytes = good;
    bytes.resize(size);
    std::string error;
    EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_request(bytes, error)));
    EXPECT_FALSE(error.empty());
    // Nor when the header admits to the size.
    if (size < sizeof(MessageHeader)) continue;
    const uint32_t claimed = static_cast<uint32_t>(size);
    memcpy(bytes.data() + offsetof(MessageHeader, size), &claimed, sizeof claimed);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_request(bytes, error)));
  }
}

TEST(Protocol, RefusesForeignHeaders) {
  std::string error;
  HelloMessage hello = make_message<HelloMessage>(MessageType::kHello);
  hello.header.magic ^= 1;
  EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_request(bytes_of(hello), error)));
  hello = make_message<HelloMessage>(MessageType::kHello);
  hello.header.abi += 1;
  EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_request(bytes_of(hello), error)));
  EXPECT_NE(error.find("one version"), std::string::npos) << error;
}

TEST(Protocol, TakesNoMessageThatADaemonSends) {
  for (unsigned type = 0; type < 300; ++type) {
    StartMessage message = make_message<StartMessage>(static_cast<MessageType>(type));
    std::string error;
    const Request request = parse_request(bytes_of(message), error);
    const bool bodyless = type == static_cast<unsigned>(MessageType::kStart) ||
                          type == static_cast<unsigned>(MessageType::kResync) ||
                          type == static_cast<unsigned>(MessageType::kInfoRequest);
    EXPECT_EQ(!std::holds_alternative<std::monostate>(request), bodyless) << type;
  }
}

class Pair : public ::testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    a_.reset(fds[0]);
    b_.reset(fds[1]);
  }
  Fd a_, b_;
  std::byte buffer_[kMaxMessage];
};

TEST_F(Pair, CarriesOneDescriptor) {
  const Fd event(eventfd(0, EFD_CLOEXEC));
  const auto message = make_message<StartMessage>(MessageType::kStart);
  ASSERT_EQ(send_message(a_.get(), message, event.get()), IoResult::kOk);
  const Received received = receive_bytes(b_.get(), buffer_);
  EXPECT_EQ(received.result, IoResult::kOk);
  EXPECT_EQ(received.size, sizeof message);
  EXPECT_TRUE(received.fd);
  EXPECT_FALSE(received.extra_fds);
}

TEST_F(Pair, TellsEmptyFromClosed) {
  EXPECT_EQ(receive_bytes(b_.get(), buffer_).result, IoResult::kAgain);
  a_.reset();
  EXPECT_EQ(receive_bytes(b_.get(), buffer_).result, IoResult::kClosed);
  const auto message = make_message<StartMessage>(MessageType::kStart);
  EXPECT_EQ(send_message(b_.get(), message), IoResult::kClosed);
}

TEST_F(Pair, OversizeIsMalformedNotCut) {
  std::vector<std::byte> large(kMaxMessage + 1);
  ASSERT_EQ(send_bytes(a_.get(), large.data(), large.size()), IoResult::kOk);
  const Received received = receive_bytes(b_.get(), buffer_);
  EXPECT_EQ(received.result, IoResult::kOk);
  EXPECT_EQ(received.size, 0u);
}

TEST_F(Pair, FullSocketNeverBlocks) {
  const auto message = make_message<StartMessage>(MessageType::kStart);
  IoResult result = IoResult::kOk;
  for (int i = 0; i < 100'000 && result == IoResult::kOk; ++i)
    result = send_message(a_.get(), message);
  EXPECT_EQ(result, IoResult::kAgain);
}

}  // namespace
}  // namespace xsched
