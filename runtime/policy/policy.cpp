// SPDX-License-Identifier: Apache-2.0
//
// The list of policies by their published names.
#include "policy.h"

#include <strings.h>

#include "builtin.h"

namespace xsched {
namespace {

struct Builtin {
  const char* name;
  std::unique_ptr<Policy> (*make)();
};

constexpr Builtin kBuiltins[] = {
    {"HPF", make_hpf}, {"HHPF", make_hhpf}, {"CHPF", make_chpf}, {"UP", make_up},
    {"PUP", make_pup}, {"SPUP", make_spup}, {"KEDF", make_kedf}, {"LAX", make_lax},
    {"AWF", make_awf}, {"CFS", make_cfs},   {"MLFQ", make_mlfq},
};

}  // namespace

std::string policy_names() {
  std::string names;
  for (const Builtin& builtin : kBuiltins) {
    if (!names.empty()) names += ", ";
    names += builtin.name;
  }
  return names;
}

std::unique_ptr<Policy> make_policy(std::string_view name, std::string& error) {
  const std::string wanted(name);
  for (const Builtin& builtin : kBuiltins) {
    if (strcasecmp(wanted.c_str(), builtin.name) == 0) return builtin.make();
  }
  error = "policy '" + wanted + "' is not known: valid are " + policy_names();
  return nullptr;
}

}  // namespace xsched
