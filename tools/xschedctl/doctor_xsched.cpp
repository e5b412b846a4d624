// SPDX-License-Identifier: Apache-2.0
//
// xsched's own parts: module, group, preload, daemon.
#include <dlfcn.h>
#include <grp.h>

#include "doctor.h"

namespace xsched::ctl {
namespace {

constexpr const char* kDevice = "/dev/xsched";

// Where dkms and `make -C kmod modules_install` put it.
bool installed(const Machine& machine) {
  const std::string modules = machine.root + "/lib/modules/" + machine.release;
  for (const char* folder : {"/updates/dkms", "/updates", "/extra"}) {
    for (const std::string& name : names_in(modules + folder)) {
      if (name.compare(0, 9, "xsched.ko") == 0) return true;
    }
  }
  return false;
}

}  // namespace

void check_module(const Machine& machine, Findings& out) {
  const bool loaded = exists(machine.root + "/sys/module/xsched");
  if (!exists(machine.root + kDevice)) {
    if (loaded) {
      out.push_back({"module", Grade::kHint, "the module is loaded, but there is no /dev/xsched",
                     "in a container pass --device /dev/xsched; else see dmesg"});
    } else if (installed(machine)) {
      out.push_back(
          {"module", Grade::kHint, "installed for this kernel, but not loaded", "modprobe xsched"});
    } else {
      out.push_back({"module", Grade::kHint, "not installed for kernel " + machine.release,
                     "install xsched-dkms and the kernel's headers (or make dkms), then modprobe "
                     "xsched; without it a process suspends its own queues only"});
    }
    return;
  }
  std::string text;
  std::string advice;
  if (!may_use(machine, kDevice, text, advice)) {
    // The administrator's choice: a process then suspends itself.
    out.push_back({"module", Grade::kHint, text, advice});
    return;
  }
  if (!machine.person_is_caller) {
    out.push_back({"module", Grade::kOk, machine.person.name + " may open /dev/xsched", ""});
    return;
  }
  if (machine.ask_module(true, text)) {
    out.push_back({"module", Grade::kOk, text + "; may suspend queues of others", ""});
  } else if (std::string own; machine.ask_module(false, own)) {
    out.push_back({"module", Grade::kOk, own + "; for one's own queues: " + text, ""});
  } else {
    out.push_back({"module", Grade::kProblem, text,
                   "use the module of this version: modprobe -r xsched, then modprobe xsched; see "
                   "dmesg"});
  }
}

void check_group(const Machine&, Findings& out) {
  if (getgrnam("xsched") != nullptr) {
    out.push_back({"group", Grade::kOk, "xsched is there; its members control /dev/xsched", ""});
  } else {
    out.push_back({"group", Grade::kHint, "no group xsched: /dev/xsched is root's alone",
                   "groupadd --system xsched, systemctl restart systemd-udevd, udevadm trigger "
                   "--sysname-match=xsched (the package xsched does it)"});
  }
}

void check_shim(const Machine& machine, Findings& out) {
  if (machine.shim.empty()) {
    out.push_back({"shim", Grade::kProblem, "no libshimhip.so in ../lib beside this program",
                   "install xsched again"});
    return;
  }
  // Loading it does nothing but resolve its symbols, which is the question.
  void* library = dlopen(machine.shim.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* error = dlerror();
    out.push_back({"shim", Grade::kProblem,
                   machine.shim + " does not load: " + (error == nullptr ? "?" : error),
                   "install the xsched that was built for this system"});
    return;
  }
  dlclose(library);
  out.push_back({"shim", Grade::kOk, machine.shim, ""});
  if (first_line(machine.root + "/etc/ld.so.preload").find("libshimhip") != std::string::npos) {
    out.push_back({"shim", Grade::kHint,
                   "/etc/ld.so.preload has every program of this machine load it",
                   "name it in LD_PRELOAD where it is wanted, or use xschedctl run"});
  }
}

void check_daemon(const Machine& machine, Findings& out) {
  bool there = false;
  std::string text;
  if (machine.ask_daemon(there, text)) {
    out.push_back({"xschedd", Grade::kOk, text, ""});
  } else if (there) {
    out.push_back({"xschedd", Grade::kProblem, text,
                   "restart it: systemctl restart xschedd; see journalctl -u xschedd"});
  } else {
    out.push_back({"xschedd", Grade::kHint, text,
                   "start it (systemctl enable --now xschedd); until then each process schedules "
                   "its own XQueues only"});
  }
}

}  // namespace xsched::ctl
