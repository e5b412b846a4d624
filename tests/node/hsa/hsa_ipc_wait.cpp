// SPDX-License-Identifier: Apache-2.0
//
// Description: waits and completions of signals across processes; the driver
// run_inheritance starts one program for each role and gives each a line when
// it is to act.
//
// usage: hsa_ipc_wait ROLE [HEX]
//   produce   line: a packet that completes the signal HEX
//   consume   line: a packet that waits for it
//   chain     the same from a queue of priority -20; one of another queue waits for that
//   relay     line: a packet that waits for HEX and completes a signal made here
//   occupy    line: a packet that waits for nobody known, until the next line
// Without HEX produce and consume make the signal. stdout: `signal HEX` of one
// made here, `ready`, `submitted` after the line, `result ok` at the end.
#include <string>

#include "raw_hsa.h"

namespace {

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// False at the end of the input.
bool wait_for_line() {
  int c = std::getchar();
  while (c != EOF && c != '\n') c = std::getchar();
  return c != EOF;
}

hsa_signal_t make_shared() {
  hsa_signal_t signal{0};
  raw::require(
      hsa_amd_signal_create(1, 0, nullptr, HSA_AMD_SIGNAL_IPC, &signal) == HSA_STATUS_SUCCESS,
      "hsa_amd_signal_create");
  hsa_amd_ipc_signal_t handle;
  raw::require(hsa_amd_ipc_signal_create(signal, &handle) == HSA_STATUS_SUCCESS,
               "hsa_amd_ipc_signal_create");
  std::string text = "signal ";
  for (const uint32_t word : handle.handle) {
    char hex[9];
    std::snprintf(hex, sizeof hex, "%08x", word);
    text += hex;
  }
  say(text);
  return signal;
}

hsa_signal_t open_shared(const std::string& text) {
  hsa_amd_ipc_signal_t handle;
  raw::require(text.size() == 64, "a signal of 64 hexadecimal digits");
  for (size_t i = 0; i < 8; ++i) {
    handle.handle[i] = static_cast<uint32_t>(std::stoul(text.substr(8 * i, 8), nullptr, 16));
  }
  hsa_signal_t signal{0};
  raw::require(hsa_amd_ipc_signal_attach(&handle, &signal) == HSA_STATUS_SUCCESS,
               "hsa_amd_ipc_signal_attach");
  return signal;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string role = argc > 1 ? argv[1] : "";
  const std::string text = argc > 2 ? argv[2] : "";
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  hsa_queue_t* queue = raw::make_queue(64);
  const raw::Xsched xsched;
  if (role == "chain") {
    raw::require(xsched.set_priority(xsched.newest().id, -20) == 0, "a priority of -20");
  }
  hsa_queue_t* behind = role == "chain" ? raw::make_queue(64) : nullptr;
  hsa_signal_t awaited{0}, done{0};
  const hsa_signal_t shared = role == "occupy" ? raw::make_signal(1)
                              : text.empty()   ? make_shared()
                                               : open_shared(text);
  (role == "produce" ? done : awaited) = shared;
  if (role != "produce") done = role == "relay" ? make_shared() : raw::make_signal(1);
  say("ready");
  if (!wait_for_line()) return 0;
  if (behind != nullptr) {
    const hsa_signal_t between = raw::make_signal(1);
    raw::put_barrier(behind, done, between);
    raw::put_barrier(queue, between, awaited);
  } else {
    raw::put_barrier(queue, done, awaited);
  }
  say("submitted");
  if (role == "occupy") {
    wait_for_line();
    hsa_signal_store_screlease(awaited, 0);
  }
  say(raw::reaches_zero(done) ? "result ok" : "result never");
  // The queue stays, idle, and with it what others know of this process.
  while (wait_for_line()) {
  }
  std::fflush(stdout);
  std::_Exit(0);
}
