// SPDX-License-Identifier: Apache-2.0
//
// Description: ROCr hands out one cooperative queue an agent and counts its
// users: two creations give one queue, which works until the second destroy.
#include "raw_hsa.h"

static hsa_queue_t* cooperative() {
  hsa_queue_t* queue = nullptr;
  if (hsa_queue_create(raw::gpu(), 256, HSA_QUEUE_TYPE_COOPERATIVE, nullptr, nullptr, UINT32_MAX,
                       UINT32_MAX, &queue) != HSA_STATUS_SUCCESS) {
    std::printf("skip: no cooperative queue\n");
    std::fflush(stdout);
    std::_Exit(77);
  }
  return queue;
}

int main() {
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  for (int round = 0; round < 3; ++round) {
    hsa_queue_t* first = cooperative();
    hsa_queue_t* second = cooperative();
    raw::require(first == second, "both users have one queue");
    if (xsched.present()) {
      raw::require(xsched.list(nullptr, 0, sizeof(xsched_xqueue)) == 1, "it is one xqueue");
    }
    raw::use(first);
    raw::require(hsa_queue_destroy(first) == HSA_STATUS_SUCCESS, "first destroy");
    raw::use(second);
    raw::require(hsa_queue_destroy(second) == HSA_STATUS_SUCCESS, "second destroy");
    if (xsched.present()) {
      raw::require(xsched.list(nullptr, 0, sizeof(xsched_xqueue)) == 0, "it is gone");
    }
  }
  hsa_shut_down();
  std::printf("PASS\n");
}
