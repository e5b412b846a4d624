// SPDX-License-Identifier: Apache-2.0
//
// Description: 400 queues made and destroyed one after the other, and 40 at
// once: slots and doorbells are used again, each queue works and is scheduled.
#include <vector>

#include "raw_hsa.h"

int main() {
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  uint32_t last_id = 0;
  for (int i = 0; i < 400; ++i) {
    hsa_queue_t* queue = raw::make_queue(64);
    if (xsched.present()) {
      raw::require(xsched.newest().id > last_id, "ids are not used again");
      last_id = xsched.newest().id;
    }
    raw::use(queue);
    raw::require(hsa_queue_destroy(queue) == HSA_STATUS_SUCCESS, "destroy");
  }
  std::vector<hsa_queue_t*> queues;
  for (int i = 0; i < 40; ++i) queues.push_back(raw::make_queue(64));
  raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend all");
  raw::require(xsched.resume(XSCHED_ALL) == 0, "resume all");
  for (hsa_queue_t* queue : queues) raw::use(queue);
  for (hsa_queue_t* queue : queues) hsa_queue_destroy(queue);
  if (xsched.present()) {
    raw::require(xsched.list(nullptr, 0, sizeof(xsched_xqueue)) == 0, "none is left");
  }
  hsa_shut_down();
  std::printf("PASS 440 queues\n");
}
