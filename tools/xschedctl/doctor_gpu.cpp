// SPDX-License-Identifier: Apache-2.0
//
// The kernel's side: its release, amdgpu and its parameters, KFD.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "doctor.h"

namespace xsched::ctl {
namespace {

constexpr const char* kNodes = "/sys/class/kfd/kfd/topology/nodes";

// "name value" lines.
std::map<std::string, unsigned long> properties(const std::string& path) {
  std::map<std::string, unsigned long> found;
  std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "re"), fclose);
  if (file == nullptr) return found;
  char name[64];
  char value[64];
  while (fscanf(file.get(), "%63s %63s", name, value) == 2) {
    found[name] = strtoul(value, nullptr, 10);
  }
  return found;
}

// KFD's 90402 is gfx942: two decimal digits each for minor and stepping, which
// the name has in hexadecimal.
std::string gfx_name(unsigned long version) {
  char text[32];
  snprintf(text, sizeof text, "gfx%lu%lx%lx", version / 10000, version / 100 % 100, version % 100);
  return text;
}

}  // namespace

void check_kernel(const Machine& machine, Findings& out) {
  unsigned major = 0;
  unsigned minor = 0;
  if (sscanf(machine.release.c_str(), "%u.%u", &major, &minor) != 2 || major < 5 ||
      (major == 5 && minor < 10)) {
    out.push_back({"kernel", Grade::kHint, machine.release + " is older than 5.10",
                   "the module is not built for it: engines kfd and gate only"});
    return;
  }
  out.push_back({"kernel", Grade::kOk, machine.release, ""});
}

void check_amdgpu(const Machine& machine, Findings& out) {
  const std::string module = machine.root + "/sys/module/amdgpu";
  if (!exists(module)) {
    out.push_back({"amdgpu", Grade::kHint, "the driver is not loaded",
                   "on a machine with an AMD GPU: modprobe amdgpu"});
    return;
  }
  const std::string version = first_line(module + "/version");
  out.push_back({"amdgpu", Grade::kOk,
                 version.empty() ? "loaded, the kernel's own" : "loaded, " + version, ""});
  const auto parameter = [&](const char* name) {
    return first_line(module + "/parameters/" + name);
  };
  const std::string unset = " from the kernel's command line and /etc/modprobe.d, then reboot";
  if (parameter("cwsr_enable") == "0") {
    out.push_back({"amdgpu", Grade::kProblem,
                   "cwsr_enable=0: a running kernel cannot be saved, so level 3 is out of reach",
                   "remove amdgpu.cwsr_enable=0" + unset});
  }
  const std::string policy = parameter("sched_policy");
  if (policy == "2") {
    out.push_back({"amdgpu", Grade::kProblem,
                   "sched_policy=2: queues are bound to hardware slots without the run list that "
                   "suspends go through",
                   "remove amdgpu.sched_policy=2" + unset});
  } else if (policy == "1") {
    out.push_back({"amdgpu", Grade::kHint,
                   "sched_policy=1: more queues than hardware slots cannot be created",
                   "remove amdgpu.sched_policy=1" + unset + " if programs fail for that"});
  }
  const std::string mes = parameter("mes");
  if (mes == "1") {
    out.push_back({"amdgpu", Grade::kHint,
                   "mes=1: xsched was never run with the micro engine scheduler",
                   "remove amdgpu.mes=1" + unset + " if suspends fail"});
  }
}

void check_gpus(const Machine& machine, Findings& out) {
  size_t gpus = 0;
  for (const std::string& node : names_in(machine.root + kNodes)) {
    const std::string folder = machine.root + kNodes + "/" + node;
    const std::string id = first_line(folder + "/gpu_id");
    if (id == "0") continue;  // a CPU
    // Unreadable: a GPU that this container or user was not given.
    const auto found = properties(folder + "/properties");
    const auto value = [&](const char* name) {
      const auto it = found.find(name);
      return it == found.end() ? 0ul : it->second;
    };
    if (id.empty() || value("gfx_target_version") == 0) continue;
    ++gpus;
    std::string text = "node " + node + ": " + gfx_name(value("gfx_target_version"));
    if (value("simd_per_cu") != 0) {
      text += ", " + std::to_string(value("simd_count") / value("simd_per_cu")) + " compute units";
    }
    if (value("fw_version") != 0) {
      text += ", compute firmware " + std::to_string(value("fw_version"));
    }
    out.push_back({"gpu", Grade::kOk, text, ""});
  }
  if (gpus == 0) {
    out.push_back(
        {"gpu", Grade::kHint, "no AMD GPU that this program may see",
         "in a container pass --device /dev/kfd --device /dev/dri; else see dmesg of amdgpu"});
  }
}

void check_kfd_node(const Machine& machine, Findings& out) {
  std::vector<std::string> paths{"/dev/kfd"};
  for (const std::string& name : names_in(machine.root + "/dev/dri")) {
    if (name.compare(0, 7, "renderD") == 0) paths.push_back("/dev/dri/" + name);
  }
  if (!exists(machine.root + "/dev/kfd")) {
    // With a GPU in sight that is a missing device; without, check_gpus said it.
    if (exists(machine.root + kNodes + "/1")) {
      out.push_back(
          {"kfd", Grade::kHint, "no /dev/kfd",
           "in a container pass --device /dev/kfd --device /dev/dri; else modprobe amdgpu"});
    }
    return;
  }
  size_t usable = 0;
  for (const std::string& path : paths) {
    std::string why;
    std::string advice;
    if (may_use(machine, path, why, advice)) {
      ++usable;
    } else {
      out.push_back({"kfd", Grade::kProblem, why, advice});
    }
  }
  if (usable != paths.size()) return;
  std::string text = machine.person.name + " may use /dev/kfd";
  if (paths.size() > 1) text += " and " + std::to_string(paths.size() - 1) + " render nodes";
  out.push_back({"kfd", Grade::kOk, text, ""});
}

}  // namespace xsched::ctl
