// SPDX-License-Identifier: Apache-2.0
//
// See collector.h.
#include "collector.h"

#include "base/clock.h"

namespace xsched::top {

Snapshot Collector::collect() {
  Snapshot all;
  for (const auto& source : sources_) {
    Snapshot one;
    source->read(one);
    merge(all, std::move(one));
  }
  // After the reading: rates are of what was read, not of when it was asked for.
  all.time_ns = now_ns();
  people_.complete(all);
  return all;
}

Answer Collector::act(const Action& action) {
  Answer all;
  for (const auto& source : sources_) {
    const Answer one = source->act(action);
    if (!one.handled) continue;
    all.ok = all.handled ? all.ok && one.ok : one.ok;
    all.handled = true;
    all.text += (all.text.empty() ? "" : "; ") + one.text;
  }
  if (!all.handled) {
    all.text = action.kind == Action::Kind::kSuspend || action.kind == Action::Kind::kResume
                   ? "nobody to ask: not an XQueue of xschedd's, nor registered with /dev/xsched"
                   : "nobody to ask: that takes xschedd, and an XQueue of its";
  }
  return all;
}

}  // namespace xsched::top
