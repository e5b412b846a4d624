// SPDX-License-Identifier: Apache-2.0
//
// run: becomes a program under the shim. Nothing stays of this one.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "commands.h"
#include "common/connection.h"

namespace xsched::ctl {
namespace {

constexpr const char* kShim = "libshimhip.so";

// As env(1) and nice(1) have it.
constexpr int kNotExecutable = 126;
constexpr int kNoProgram = 127;

// First, so that our ioctl() comes before that of other preloads (the
// simulated node's, which stands for the kernel).
std::string preload_list(const std::string& shim) {
  const char* before = getenv("LD_PRELOAD");
  if (before == nullptr || *before == '\0') return shim;
  const std::string list(before);
  if (list.find(kShim) != std::string::npos) return list;  // already under a shim
  return shim + ":" + list;
}

}  // namespace

// Beside this program's own place: build/bin and build/lib, or PREFIX/bin and
// PREFIX/lib, with the sub-folder that some distributions use.
std::string find_shim() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const auto prefix = self.parent_path().parent_path();
  for (const char* folder : {"lib", "lib64", XSCHED_LIBDIR}) {
    const auto candidate = prefix / folder / kShim;
    if (std::filesystem::exists(candidate, error)) return candidate.lexically_normal().string();
  }
  return {};
}

int run(const RunOptions& options) {
  const std::string shim = options.shim.empty() ? find_shim() : options.shim;
  if (shim.empty()) {
    throw Failure(kFailed,
                  std::string("cannot find ") + kShim +
                      " in ../lib beside this program; install it, or name it with --shim");
  }
  // The loader only warns of a preload that it cannot find, and the program
  // would run unscheduled.
  if (access(shim.c_str(), R_OK) != 0) {
    throw Failure(kFailed, shim + " cannot be read: " + strerror(errno) + "; name it with --shim");
  }
  if (shim.find_first_of(": ") != std::string::npos) {
    throw Failure(kFailed, "'" + shim +
                               "' has a blank or a colon, which separate names in LD_PRELOAD: "
                               "install xsched elsewhere");
  }
  setenv("LD_PRELOAD", preload_list(std::filesystem::absolute(shim).string()).c_str(), 1);
  for (const auto& [name, value] : options.settings)
    setenv(("XSCHED_" + name).c_str(), value.c_str(), 1);
  std::vector<std::string> words = options.command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  fprintf(stderr, "xschedctl: cannot start '%s': %s\n", arguments[0], strerror(error));
  return error == ENOENT ? kNoProgram : kNotExecutable;
}

}  // namespace xsched::ctl
