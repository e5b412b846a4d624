// SPDX-License-Identifier: Apache-2.0
//
// The list of policies by their published names.
#include "policy.h"

#include <strings.h>

#include <iterator>

#include "builtin.h"

namespace xsched {
namespace {

struct Builtin {
  const char* name;
  std::unique_ptr<Policy> (*make)();
};

constexpr Builtin kBuiltins[] = {
    {"HPF", make_hpf},
};

}  // namespace

std::unique_ptr<Policy> make_policy(std::string_view name, std::string& error) {
  const std::string wanted(name);
  for (const Builtin& builtin : kBuiltins) {
    if (strcasecmp(wanted.c_str(), builtin.name) == 0) return builtin.make();
  }
  error = "policy '" + wanted + "' is not known: valid are ";
  for (size_t i = 0; i < std::size(kBuiltins); ++i) {
    if (i != 0) error += ", ";
    error += kBuiltins[i].name;
  }
  return nullptr;
}

}  // namespace xsched
