// SPDX-License-Identifier: Apache-2.0
//
// Copies of ROCm. A program is scheduled with the copy that it loads, so
// several are no fault; an operator wants to know them when one misbehaves.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>

#include "doctor.h"

namespace xsched::ctl {
namespace {

constexpr const char* kHip = "libamdhip64.so";
constexpr const char* kRocr = "libhsa-runtime64.so";

bool starts_with(const std::string& text, const char* start) {
  return text.compare(0, strlen(start), start) == 0;
}

// The longest name has the most digits: libamdhip64.so.6.4.43484.
std::string version_in(const std::vector<std::string>& names, const char* library, bool& there) {
  std::string longest;
  for (const std::string& name : names) {
    if (!starts_with(name, library)) continue;
    const char after = name[strlen(library)];
    if (after != '\0' && after != '.') continue;
    there = true;
    if (name.size() > longest.size()) longest = name;
  }
  const size_t prefix = strlen(library) + 1;
  return longest.size() > prefix ? longest.substr(prefix) : "";
}

// torch/version.py: hip: Optional[str] = '6.2.41133-dd7f95766'
std::string torch_version(const std::string& file) {
  std::unique_ptr<FILE, int (*)(FILE*)> text(fopen(file.c_str(), "re"), fclose);
  if (text == nullptr) return {};
  char line[256];
  while (fgets(line, sizeof line, text.get()) != nullptr) {
    if (!starts_with(line, "hip")) continue;
    char* start = strchr(line, '\'');
    char* end = start == nullptr ? nullptr : strchr(start + 1, '\'');
    if (end != nullptr) return std::string(start + 1, end);
  }
  return {};
}

class Copies {
 public:
  Copies(const Machine& machine, Findings& out) : machine_(machine), out_(out) {}

  // A folder without machine_.root before it. `hip` is its version, if known.
  void look(const std::string& folder, const std::string& hip = {}) {
    const std::string path = machine_.root + folder;
    char* resolved = realpath(path.c_str(), nullptr);
    if (resolved == nullptr) return;
    const bool is_new = seen_.insert(resolved).second;
    free(resolved);
    if (!is_new) return;
    const std::vector<std::string> names = names_in(path);
    bool has_hip = false;
    bool has_rocr = false;
    std::string version = version_in(names, kHip, has_hip);
    const std::string rocr = version_in(names, kRocr, has_rocr);
    if (!has_hip && !has_rocr) return;
    if (!hip.empty()) version = hip;
    std::string text = folder + ":";
    if (has_hip) text += " HIP " + (version.empty() ? "of unknown version" : version);
    if (has_hip && has_rocr) text += ",";
    if (has_rocr) text += " ROCr " + (rocr.empty() ? "of unknown version" : rocr);
    out_.push_back({"rocm", Grade::kOk, text, ""});
    ++count_;
  }

  void look_in_packages(const std::string& folder) {
    if (!exists(machine_.root + folder)) return;
    look(folder + "/torch/lib", torch_version(machine_.root + folder + "/torch/version.py"));
    for (const std::string& name : names_in(machine_.root + folder)) {
      if (starts_with(name, "_rocm_sdk_")) look(folder + "/" + name + "/lib");
    }
  }

  // PREFIX/lib/python3.*/{site,dist}-packages, PREFIX/lib/python3/dist-packages
  void look_in_prefix(const std::string& prefix) {
    for (const std::string& name : names_in(machine_.root + prefix + "/lib")) {
      if (!starts_with(name, "python3")) continue;
      look_in_packages(prefix + "/lib/" + name + "/site-packages");
      look_in_packages(prefix + "/lib/" + name + "/dist-packages");
    }
  }

  size_t count() const { return count_; }

 private:
  const Machine& machine_;
  Findings& out_;
  std::set<std::string> seen_;
  size_t count_ = 0;
};

}  // namespace

void check_rocm(const Machine& machine, Findings& out) {
  Copies copies(machine, out);
  for (const std::string& folder : machine.library_path) copies.look(folder);
  for (const std::string& name : names_in(machine.root + "/opt")) {
    if (!starts_with(name, "rocm")) continue;
    copies.look("/opt/" + name + "/lib");
    copies.look("/opt/" + name + "/lib64");
  }
  for (const char* folder :
       {"/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"})
    copies.look(folder);
  for (const std::string& prefix : machine.python_roots) copies.look_in_prefix(prefix);
  if (!machine.home.empty()) copies.look_in_prefix(machine.home + "/.local");
  for (const char* prefix : {"/usr", "/usr/local"}) copies.look_in_prefix(prefix);
  for (const std::string& name : names_in(machine.root + "/opt"))
    copies.look_in_prefix("/opt/" + name);
  if (copies.count() == 0) {
    out.push_back({"rocm", Grade::kHint, "no HIP and no ROCr where they usually are",
                   "programs bring their own, or install ROCm"});
  } else if (copies.count() > 1) {
    out.push_back(
        {"rocm", Grade::kOk, "each program is scheduled with the copy that it loads", ""});
  }
}

}  // namespace xsched::ctl
