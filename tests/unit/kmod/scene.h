// SPDX-License-Identifier: Apache-2.0
//
// Two applications and a daemon: what most errors need.
#pragma once

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {

template <class T>
T Sized() {
  T t{};
  t.size = sizeof(t);
  return t;
}

struct Scene : Node {
  explicit Scene(uint32_t rate = 0) : Node(rate) {
    app = Open();
    stranger = Open();
    control = Open(XS_FILE_CONTROL);
    q = Register(app, 0);
    other = Register(stranger, 0, 7, 2);
  }
  long SuspendWith(xs_file* file, std::vector<uint64_t> handles,
                   const std::function<void(xsched_suspend&)>& change = {}) {
    auto items = Items(handles);
    xsched_suspend s = SuspendArg(items);
    if (change) change(s);
    return Call(file, XSCHED_IOC_SUSPEND, &s);
  }
  xs_file *app, *stranger, *control;
  uint64_t q, other;
};

}  // namespace kmod_test
