// SPDX-License-Identifier: Apache-2.0
//
// doctor: asks everything, prints each finding with what to do.
#include "doctor.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "common/connection.h"
#include "engine/module_file.h"

namespace xsched::ctl {
namespace {

const char* grade_name(Grade grade) {
  switch (grade) {
    case Grade::kOk:
      return "ok";
    case Grade::kHint:
      return "hint";
    default:
      return "problem";
  }
}

std::vector<std::string> split(const char* text) {
  std::vector<std::string> parts;
  std::string rest = text == nullptr ? "" : text;
  for (size_t colon; !rest.empty();
       rest = colon == std::string::npos ? "" : rest.substr(colon + 1)) {
    colon = rest.find(':');
    if (colon != 0) parts.push_back(rest.substr(0, colon));
  }
  return parts;
}

void find_person(const std::string& wanted, Machine& machine) {
  Person& person = machine.person;
  // Through sudo the question is about who will run programs, not about root.
  const char* sudo = geteuid() == 0 ? getenv("SUDO_USER") : nullptr;
  const std::string name = !wanted.empty() ? wanted : sudo != nullptr ? sudo : "";
  const passwd* entry = name.empty() ? getpwuid(geteuid()) : getpwnam(name.c_str());
  if (entry == nullptr && !name.empty())
    throw Failure(kUsage, "no user '" + name + "' on this machine");
  person.uid = entry == nullptr ? geteuid() : entry->pw_uid;
  person.name = entry == nullptr ? std::to_string(geteuid()) : entry->pw_name;
  machine.home = entry == nullptr ? "" : entry->pw_dir;
  machine.person_is_caller = person.uid == geteuid();
  int count = 256;
  person.groups.resize(static_cast<size_t>(count));
  const gid_t first = entry == nullptr ? getegid() : entry->pw_gid;
  if (getgrouplist(person.name.c_str(), first, person.groups.data(), &count) < 0) count = 256;
  person.groups.resize(static_cast<size_t>(count));
}

bool ask_daemon(const std::string& socket, bool& there, std::string& text) {
  struct stat s {};
  there = stat(socket.c_str(), &s) == 0;
  try {
    Connection connection(socket);
    const InfoReply info = connection.info();
    text = "pid " + std::to_string(info.pid) + ", policy " + info.policy + ", " +
           std::to_string(info.processes) + " processes; module " +
           (info.module_usable != 0 ? "" : "not used: ") + info.module_text;
    return true;
  } catch (const Failure& failure) {
    text = failure.what();
    return false;
  }
}

}  // namespace

int doctor(const DoctorOptions& options) {
  Machine machine;
  machine.root = options.root;
  find_person(options.user, machine);
  utsname name{};
  if (uname(&name) == 0) machine.release = name.release;
  machine.library_path = split(getenv("LD_LIBRARY_PATH"));
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const char* prefix = getenv(variable)) machine.python_roots.push_back(prefix);
  }
  machine.shim = find_shim();
  machine.ask_module = [](bool control, std::string& text) {
    const ModuleFile file = ModuleFile::open(control, text);
    if (!file) return false;
    text = file.description();
    return true;
  };
  machine.ask_daemon = [&](bool& there, std::string& text) {
    return ask_daemon(options.socket, there, text);
  };

  Findings findings;
  for (auto* check : {check_kernel, check_amdgpu, check_gpus, check_kfd_node, check_rocm,
                      check_module, check_group, check_shim, check_daemon})
    check(machine, findings);

  size_t hints = 0;
  size_t problems = 0;
  for (const Finding& finding : findings) {
    hints += finding.grade == Grade::kHint;
    problems += finding.grade == Grade::kProblem;
  }
  if (options.json) {
    using nlohmann::json;
    json rows = json::array();
    for (const Finding& f : findings) {
      rows.push_back({{"check", f.check},
                      {"grade", grade_name(f.grade)},
                      {"text", f.text},
                      {"do", f.advice.empty() ? json() : json(f.advice)}});
    }
    const json report = {{"user", machine.person.name},
                         {"problems", problems},
                         {"hints", hints},
                         {"findings", rows}};
    // Names of files and users may hold any bytes.
    printf("%s\n", report.dump(2, ' ', false, json::error_handler_t::replace).c_str());
  } else {
    for (const Finding& f : findings) {
      printf("%-8s %-8s %s\n", grade_name(f.grade), f.check.c_str(), f.text.c_str());
      if (!f.advice.empty()) printf("%17s -> %s\n", "", f.advice.c_str());
    }
    printf("%zu problems, %zu hints\n", problems, hints);
  }
  return problems == 0 ? kDone : kFailed;
}

}  // namespace xsched::ctl
