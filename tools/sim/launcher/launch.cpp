// SPDX-License-Identifier: Apache-2.0
//
// Finding the library and becoming the program.

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "launcher.h"

namespace xsim::launcher {

namespace {

constexpr const char* kLibrary = "libxsched-sim.so";

// Beside this program's own place: build/bin and build/lib, or PREFIX/bin and
// PREFIX/lib, with the sub-folder that some distributions use.
std::filesystem::path find_library() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const auto prefix = self.parent_path().parent_path();
  for (const char* folder : {"lib", "lib64", "lib/x86_64-linux-gnu"}) {
    const auto candidate = prefix / folder / kLibrary;
    if (std::filesystem::exists(candidate, error)) return candidate;
  }
  return {};
}

// The shim, if one is preloaded, must come before the node: it calls on to
// what follows it.
void preload(const std::string& library) {
  const char* before = std::getenv("LD_PRELOAD");
  std::string list = before ? before : "";
  if (list.find(library) != std::string::npos) return;
  if (!list.empty()) list += ':';
  setenv("LD_PRELOAD", (list + library).c_str(), 1);
}

}  // namespace

int launch(const std::vector<std::string>& program) {
  const auto library = find_library();
  if (library.empty()) {
    complain(std::string("cannot find ") + kLibrary +
             " in ../lib beside this program; build it (make) or install both");
    return kCannotStart;
  }
  preload(library.string());
  std::vector<char*> arguments;
  for (const std::string& argument : program) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  complain("cannot start '" + program[0] + "': " + std::strerror(error));
  return error == ENOENT ? kNotFound : kNotExecutable;
}

}  // namespace xsim::launcher
