// SPDX-License-Identifier: Apache-2.0
//
// See doctor.h. C's files and directories and not std::filesystem: these are
// the calls that the simulated node answers for.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "doctor.h"
#include "sched/fd.h"

namespace xsched::ctl {
namespace {

std::string group_name(gid_t gid) {
  const group* g = getgrgid(gid);
  return g == nullptr ? std::to_string(gid) : g->gr_name;
}

bool by_mode(const struct stat& s, const Person& person) {
  if (person.uid == 0) return true;
  mode_t bits = s.st_mode & 7;
  if (s.st_uid == person.uid) {
    bits = (s.st_mode >> 6) & 7;
  } else if (std::find(person.groups.begin(), person.groups.end(), s.st_gid) !=
             person.groups.end()) {
    bits = (s.st_mode >> 3) & 7;
  }
  return (bits & 6) == 6;
}

}  // namespace

std::string first_line(const std::string& path) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "re"), fclose);
  char line[256];
  if (file == nullptr || fgets(line, sizeof line, file.get()) == nullptr) return {};
  line[strcspn(line, "\n")] = '\0';
  return line;
}

bool exists(const std::string& path) {
  struct stat s {};
  return stat(path.c_str(), &s) == 0;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory.c_str()), closedir);
  if (dir == nullptr) return names;
  while (const dirent* entry = readdir(dir.get())) {
    const std::string name(entry->d_name);
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool may_use(const Machine& machine, const std::string& path, std::string& why,
             std::string& advice) {
  const std::string real = machine.root + path;
  struct stat s {};
  if (stat(real.c_str(), &s) != 0) {
    why = path + ": " + strerror(errno);
    return false;
  }
  int error = by_mode(s, machine.person) ? 0 : EACCES;
  if (machine.person_is_caller) {  // access lists, device cgroups and the driver count, too
    const Fd fd(open(real.c_str(), O_RDWR | O_CLOEXEC));
    error = fd ? 0 : errno;
  }
  if (error == 0) return true;
  char mode[8];
  snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(s.st_mode & 07777));
  const std::string group = group_name(s.st_gid);
  why = machine.person.name + " may not open " + path + " (mode " + mode + ", group " + group +
        "): " + strerror(error);
  if (error != EACCES || by_mode(s, machine.person)) {
    advice = "in a container pass it with --device " + path + "; else see dmesg";
  } else if (s.st_gid == 0 || (s.st_mode & 060) != 060) {
    advice = "it is root's alone: see the udev rule that gives it a group";
  } else {
    advice = "usermod -aG " + group + " " + machine.person.name + ", then log in again";
  }
  return false;
}

}  // namespace xsched::ctl
