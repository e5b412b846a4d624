// SPDX-License-Identifier: Apache-2.0
//
// What doctor looks at and what it finds. Looking changes nothing; each check
// reads files below Machine::root, so that a test can lay a machine out.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace xsched::ctl {

enum class Grade {
  kOk,
  kHint,     // something is not there, or could be better; xsched works without it
  kProblem,  // something is there and does not work
};

struct Finding {
  std::string check;
  Grade grade;
  std::string text;
  std::string advice;  // what to do; empty if nothing
};

// Whose rights are looked at.
struct Person {
  std::string name;
  uid_t uid = 0;
  std::vector<gid_t> groups;
};

struct Machine {
  std::string root;     // "" or a folder that stands for /
  std::string release;  // uname -r
  Person person;
  bool person_is_caller = true;  // then opening tells more than mode bits
  std::string home;
  std::vector<std::string> library_path;  // LD_LIBRARY_PATH
  std::vector<std::string> python_roots;  // VIRTUAL_ENV, CONDA_PREFIX
  std::string shim;                       // as run would preload it; empty: none
  // Asks the module's device: true and what it is, or false and why not.
  std::function<bool(bool control, std::string& text)> ask_module;
  // Asks the daemon: true and what it does, or false and why not; `there` is
  // whether its socket exists.
  std::function<bool(bool& there, std::string& text)> ask_daemon;
};

using Findings = std::vector<Finding>;

// doctor_gpu.cpp: the kernel, amdgpu and its parameters, /dev/kfd, the GPUs
void check_kernel(const Machine& machine, Findings& out);
void check_amdgpu(const Machine& machine, Findings& out);
void check_gpus(const Machine& machine, Findings& out);
void check_kfd_node(const Machine& machine, Findings& out);

// doctor_xsched.cpp: the module, its group, the preload, the daemon
void check_module(const Machine& machine, Findings& out);
void check_group(const Machine& machine, Findings& out);
void check_shim(const Machine& machine, Findings& out);
void check_daemon(const Machine& machine, Findings& out);

// doctor_rocm.cpp: copies of HIP and ROCr
void check_rocm(const Machine& machine, Findings& out);

// doctor_files.cpp: what the checks share
std::string first_line(const std::string& path);  // "" if it cannot be read
bool exists(const std::string& path);
std::vector<std::string> names_in(const std::string& directory);  // sorted, without . and ..

// Can the person read and write this file? If not, `why` names its mode and
// owner and `advice` what to do.
bool may_use(const Machine& machine, const std::string& path, std::string& why,
             std::string& advice);

}  // namespace xsched::ctl
