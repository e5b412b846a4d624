// SPDX-License-Identifier: Apache-2.0
//
// Where the simulated sysfs stands: /dev/shm/xsched-sim-UID-NAME.sysfs-HASH.
// HASH is over the content, so processes with another set-up have another
// directory and one that exists is right. It is built aside and renamed into
// place, so that nobody meets half of it.

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../base/log.h"
#include "topology.h"

namespace xsim {

namespace {

constexpr const char* kParent = "/dev/shm";

std::string prefix(const std::string& node_name) {
  return "xsched-sim-" + std::to_string(geteuid()) + "-" + node_name + ".sysfs-";
}

uint64_t fnv1a(uint64_t hash, const std::string& text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return (hash ^ 0xff) * 0x100000001b3;  // a separator
}

bool write_file(const std::string& path, const std::string& content) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST) return false;
  }
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  const ssize_t written = ::write(fd, content.data(), content.size());
  ::close(fd);
  return written == static_cast<ssize_t>(content.size());
}

void remove_tree(const std::string& path) {
  nftw(
      path.c_str(),
      [](const char* entry, const struct stat*, int, struct FTW*) { return std::remove(entry); },
      16, FTW_DEPTH | FTW_PHYS);
}

// A directory of another user could say anything.
bool is_ours(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

std::string make_directory(const NodeConfig& config) {
  const auto files = topology_files(config, static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_ONLN)),
                                    static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                                        static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  uint64_t hash = 0xcbf29ce484222325;
  for (const auto& [name, content] : files) hash = fnv1a(fnv1a(hash, name), content);
  char digits[20];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  const std::string path = std::string(kParent) + "/" + prefix(config.name) + digits;
  if (is_ours(path)) return path;

  std::string draft = path + ".XXXXXX";
  bool made = mkdtemp(draft.data()) != nullptr;
  if (made) {
    chmod(draft.c_str(), 0755);
    for (const auto& [name, content] : files)
      made = made && write_file(draft + "/" + name, content);
    // Another process may have been first; its content is the same.
    made = made && (rename(draft.c_str(), path.c_str()) == 0 || is_ours(path));
  }
  const int error = errno;
  remove_tree(draft);
  if (made && is_ours(path)) return path;
  log(LogLevel::kError, "cannot make the topology in %s: %s", path.c_str(), std::strerror(error));
  return "";
}

}  // namespace

const std::string& topology_directory(const NodeConfig& config) {
  // Leaked: asked for until the very end of the process.
  static const std::string& directory = *new std::string(make_directory(config));
  return directory;
}

void remove_topology(const std::string& node_name) {
  DIR* parent = opendir(kParent);
  if (!parent) return;
  const std::string start = prefix(node_name);
  while (const dirent* entry = readdir(parent)) {
    if (std::strncmp(entry->d_name, start.c_str(), start.size()) == 0) {
      remove_tree(std::string(kParent) + "/" + entry->d_name);
    }
  }
  closedir(parent);
}

}  // namespace xsim
