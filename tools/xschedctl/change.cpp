// SPDX-License-Identifier: Apache-2.0
//
// set and policy: settings that last until their process, or the daemon, ends.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "commands.h"
#include "common/connection.h"
#include "policy/policy.h"

namespace xsched::ctl {

using nlohmann::json;

int set(const std::string& socket, const std::vector<std::string>& texts, const Change& change,
        bool as_json) {
  std::vector<Target> targets;
  for (const std::string& text : texts) targets.push_back(parse_target(text));
  Connection connection(socket);
  uint32_t matched = 0;
  for (const Target& target : targets) {
    if (change.to) {
      matched += connection.set_priority(target.pid, target.xqueue, *change.to);
    } else if (change.by) {
      matched += connection.change_priority(target.pid, target.xqueue, *change.by);
    } else if (change.share) {
      matched += connection.set_share(target.pid, target.xqueue, *change.share);
    } else {
      matched += connection.set_active(target.pid, target.xqueue, *change.active == "on");
    }
  }
  if (as_json) {
    printf("%s\n", json{{"xqueues", matched}}.dump().c_str());
  } else if (change.to) {
    printf("priority %d for %u XQueues\n", *change.to, matched);
  } else if (change.by) {
    printf("priority by %+d for %u XQueues\n", *change.by, matched);
  } else if (change.share) {
    printf("share %d %% for the processes of %u XQueues\n", *change.share, matched);
  } else {
    printf("active %s for the processes of %u XQueues\n", change.active->c_str(), matched);
  }
  return kDone;
}

int policy(const std::string& socket, const std::optional<std::string>& name, bool as_json) {
  Connection connection(socket);
  if (name) connection.set_policy(*name);
  const std::string current = connection.info().policy;
  const std::string names = policy_names();
  if (as_json) {
    json valid = json::array();
    std::istringstream words(names);
    for (std::string word; words >> word;) {
      if (word.back() == ',') word.pop_back();
      valid.push_back(word);
    }
    printf("%s\n", json{{"policy", current}, {"valid", valid}}.dump().c_str());
    return kDone;
  }
  printf("%s\n", current.c_str());
  if (!name) printf("valid are %s\n", names.c_str());
  return kDone;
}

}  // namespace xsched::ctl
