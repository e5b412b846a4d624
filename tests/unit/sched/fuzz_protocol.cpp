// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: the parser of everything that a peer can send to xschedd,
// and of what a process takes from it.
#include "runtime/sched/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace xsched;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  std::string error;
  const Request request = parse_request(bytes, error);
  if (std::holds_alternative<std::monostate>(request) == error.empty()) __builtin_trap();
  WelcomeMessage welcome;
  ApplyMessage apply;
  ListReply list;
  read_message(bytes, MessageType::kWelcome, welcome);
  read_message(bytes, MessageType::kApply, apply);
  read_message(bytes, MessageType::kListReply, list);
  return 0;
}
