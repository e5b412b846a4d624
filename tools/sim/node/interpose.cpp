// SPDX-License-Identifier: Apache-2.0
//
// The libc functions that the simulated node stands in for. Each one asks
// find_place() about its path (two comparisons for most paths) and otherwise
// calls what comes next in the symbol order, unchanged.
//
// Rules here: nothing runs before the first use; no lock is held while the
// next function runs; a descriptor of the device is known by its file, not by
// a table, so dup(), close(), fork() and SCM_RIGHTS need no interposer; mmap()
// needs none because the descriptors are ordinary files.

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/kfd_ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "../../../uapi/xsched.h"
#include "../base/log.h"
#include "../module/client.h"
#include "node.h"
#include "paths.h"

#define XSIM_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using xsim::Node;
using xsim::Place;

// The next definition of a libc function.
template <typename Function>
class Next {
 public:
  explicit constexpr Next(const char* name) : name_(name) {}
  Function* get() {
    Function* function = function_.load(std::memory_order_acquire);
    if (!function) {
      // A race looks it up twice and stores the same.
      function = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name_));
      function_.store(function, std::memory_order_release);
    }
    return function;
  }

 private:
  const char* name_;
  std::atomic<Function*> function_{nullptr};
};

// Constant-initialised: usable from the first instruction of the process.
constinit Next<int(const char*, int, ...)> next_open("open");
constinit Next<int(const char*, int, ...)> next_open64("open64");
constinit Next<int(int, const char*, int, ...)> next_openat("openat");
constinit Next<int(int, const char*, int, ...)> next_openat64("openat64");
constinit Next<FILE*(const char*, const char*)> next_fopen("fopen");
constinit Next<FILE*(const char*, const char*)> next_fopen64("fopen64");
constinit Next<DIR*(const char*)> next_opendir("opendir");
constinit Next<int(const char*, int)> next_access("access");
constinit Next<int(int, const char*, int, int)> next_faccessat("faccessat");
constinit Next<ssize_t(const char*, char*, size_t)> next_readlink("readlink");
constinit Next<int(const char*, struct stat*)> next_stat("stat");
constinit Next<int(const char*, struct stat*)> next_lstat("lstat");
constinit Next<int(const char*, struct stat64*)> next_stat64("stat64");
constinit Next<int(const char*, struct stat64*)> next_lstat64("lstat64");
constinit Next<int(int, const char*, struct stat*, int)> next_fstatat("fstatat");
constinit Next<int(int, const char*, struct stat64*, int)> next_fstatat64("fstatat64");
constinit Next<int(int, const char*, int, unsigned, struct statx*)> next_statx("statx");
constinit Next<int(int, unsigned long, ...)> next_ioctl("ioctl");
constinit Next<ssize_t(int, void*, size_t)> next_read("read");

bool is_device(const Place& place) {
  return place.kind == Place::Kind::kKfd || place.kind == Place::Kind::kRender ||
         place.kind == Place::Kind::kModule;
}

// /dev/xsched without or beside its module.
bool module_is(xsim::ModuleAccess access) {
  const xsim::Options* options = xsim::process_options();
  return options && options->module == access;
}

int open_module(int flags) {
  if (module_is(xsim::ModuleAccess::kAbsent) || module_is(xsim::ModuleAccess::kDenied)) {
    errno = module_is(xsim::ModuleAccess::kAbsent) ? ENOENT : EACCES;
    return -1;
  }
  return xsim::kmod::open_file(xsim::process_options()->node.name, flags,
                               module_is(xsim::ModuleAccess::kControl));
}

int access_device(const Place& place, int mode) {
  if (place.kind != Place::Kind::kModule) return 0;
  if (module_is(xsim::ModuleAccess::kAbsent)) {
    errno = ENOENT;
    return -1;
  }
  // Nobody executes a device.
  if ((mode & X_OK) == 0 && (mode == F_OK || !module_is(xsim::ModuleAccess::kDenied))) return 0;
  errno = EACCES;
  return -1;
}

int open_device(const Place& place, int flags) {
  if (place.kind == Place::Kind::kModule) return open_module(flags);
  Node* node = Node::get();
  if (!node) {
    errno = ENODEV;
    return -1;
  }
  return place.kind == Place::Kind::kKfd ? node->open_kfd() : node->open_render(place.gpu);
}

// The path to use instead.
const char* instead(const Place& place, const char* path) {
  return place.kind == Place::Kind::kSysfs ? place.path : path;
}

// Like the udev rules of ROCm: a character device that everybody may open; and
// /dev/xsched as kmod/dist/60-xsched.rules has it.
template <typename Stat>
int stat_device(const Place& place, Stat* status) {
  const bool module = place.kind == Place::Kind::kModule;
  if (module && module_is(xsim::ModuleAccess::kAbsent)) {
    errno = ENOENT;
    return -1;
  }
  *status = Stat{};
  status->st_mode = S_IFCHR | 0666;
  status->st_nlink = 1;
  status->st_blksize = 4096;
  if (module) {
    status->st_mode = S_IFCHR | (module_is(xsim::ModuleAccess::kOwner) ? 0666 : 0660);
    status->st_rdev = makedev(10, 122);  // misc, a dynamic minor
    return 0;
  }
  // 226 is DRM's major; KFD's is dynamic.
  status->st_rdev =
      place.kind == Place::Kind::kKfd ? makedev(511, 0) : makedev(226, 128 + place.gpu);
  return 0;
}

mode_t mode_argument(int flags, va_list arguments) {
  return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

template <typename Function>
int open_path(Next<Function>& next, const char* path, int flags, mode_t mode) {
  Place place;
  xsim::find_place(path, place);
  if (is_device(place)) return open_device(place, flags);
  return next.get()(instead(place, path), flags, mode);
}

template <typename Function>
int openat_path(Next<Function>& next, int directory, const char* path, int flags, mode_t mode) {
  Place place;
  xsim::find_place(path, place);
  if (is_device(place)) return open_device(place, flags);
  return next.get()(directory, instead(place, path), flags, mode);
}

template <typename Stat>
int stat_path(Next<int(const char*, Stat*)>& next, const char* path, Stat* status) {
  Place place;
  xsim::find_place(path, place);
  if (is_device(place)) return stat_device(place, status);
  return next.get()(instead(place, path), status);
}

template <typename Stat>
int fstatat_path(Next<int(int, const char*, Stat*, int)>& next, int directory, const char* path,
                 Stat* status, int flags) {
  Place place;
  xsim::find_place(path, place);
  if (is_device(place)) return stat_device(place, status);
  return next.get()(directory, instead(place, path), status, flags);
}

}  // namespace

XSIM_EXPORT int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_path(next_open, path, flags, mode);
}

XSIM_EXPORT int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return open_path(next_open64, path, flags, mode);
}

XSIM_EXPORT int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return openat_path(next_openat, directory, path, flags, mode);
}

XSIM_EXPORT int openat64(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_argument(flags, arguments);
  va_end(arguments);
  return openat_path(next_openat64, directory, path, flags, mode);
}

// What open() becomes under _FORTIFY_SOURCE (no O_CREAT then).
XSIM_EXPORT int __open_2(const char* path, int flags) {
  return open_path(next_open, path, flags, 0);
}
XSIM_EXPORT int __open64_2(const char* path, int flags) {
  return open_path(next_open64, path, flags, 0);
}
XSIM_EXPORT int __openat_2(int directory, const char* path, int flags) {
  return openat_path(next_openat, directory, path, flags, 0);
}
XSIM_EXPORT int __openat64_2(int directory, const char* path, int flags) {
  return openat_path(next_openat64, directory, path, flags, 0);
}

XSIM_EXPORT FILE* fopen(const char* path, const char* mode) {
  Place place;
  xsim::find_place(path, place);
  return next_fopen.get()(instead(place, path), mode);
}

XSIM_EXPORT FILE* fopen64(const char* path, const char* mode) {
  Place place;
  xsim::find_place(path, place);
  return next_fopen64.get()(instead(place, path), mode);
}

XSIM_EXPORT DIR* opendir(const char* path) {
  Place place;
  xsim::find_place(path, place);
  return next_opendir.get()(instead(place, path));
}

XSIM_EXPORT int access(const char* path, int mode) noexcept {
  Place place;
  xsim::find_place(path, place);
  if (is_device(place)) return access_device(place, mode);
  return next_access.get()(instead(place, path), mode);
}

XSIM_EXPORT int faccessat(int directory, const char* path, int mode, int flags) noexcept {
  Place place;
  xsim::find_place(path, place);
  if (is_device(place)) return access_device(place, mode);
  return next_faccessat.get()(directory, instead(place, path), mode, flags);
}

XSIM_EXPORT ssize_t readlink(const char* path, char* buffer, size_t size) noexcept {
  Place place;
  xsim::find_place(path, place);
  return next_readlink.get()(instead(place, path), buffer, size);
}

XSIM_EXPORT int stat(const char* path, struct stat* status) noexcept {
  return stat_path(next_stat, path, status);
}
XSIM_EXPORT int lstat(const char* path, struct stat* status) noexcept {
  return stat_path(next_lstat, path, status);
}
XSIM_EXPORT int stat64(const char* path, struct stat64* status) noexcept {
  return stat_path(next_stat64, path, status);
}
XSIM_EXPORT int lstat64(const char* path, struct stat64* status) noexcept {
  return stat_path(next_lstat64, path, status);
}
XSIM_EXPORT int fstatat(int directory, const char* path, struct stat* status, int flags) noexcept {
  return fstatat_path(next_fstatat, directory, path, status, flags);
}
XSIM_EXPORT int fstatat64(int directory, const char* path, struct stat64* status,
                          int flags) noexcept {
  return fstatat_path(next_fstatat64, directory, path, status, flags);
}
// What stat() was in programs built before glibc 2.33; the version is always
// the one of the 64-bit structure.
XSIM_EXPORT int __xstat(int, const char* path, struct stat* status) noexcept {
  return stat_path(next_stat, path, status);
}
XSIM_EXPORT int __xstat64(int, const char* path, struct stat64* status) noexcept {
  return stat_path(next_stat64, path, status);
}
XSIM_EXPORT int __lxstat(int, const char* path, struct stat* status) noexcept {
  return stat_path(next_lstat, path, status);
}
XSIM_EXPORT int __lxstat64(int, const char* path, struct stat64* status) noexcept {
  return stat_path(next_lstat64, path, status);
}

XSIM_EXPORT int statx(int directory, const char* path, int flags, unsigned mask,
                      struct statx* status) noexcept {
  Place place;
  xsim::find_place(path, place);
  if (is_device(place)) {
    struct stat plain;
    if (stat_device(place, &plain) != 0) return -1;
    *status = {};
    status->stx_mask = STATX_BASIC_STATS;
    status->stx_mode = static_cast<uint16_t>(plain.st_mode);
    status->stx_nlink = 1;
    status->stx_rdev_major = major(plain.st_rdev);
    status->stx_rdev_minor = minor(plain.st_rdev);
    return 0;
  }
  return next_statx.get()(directory, instead(place, path), flags, mask, status);
}

XSIM_EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  constexpr unsigned kDrm = 'd';
  const unsigned type = _IOC_TYPE(request);
  if (type == XSCHED_IOC_TYPE && xsim::kmod::is_file(fd)) {
    return xsim::kmod::call(fd, request, argument);
  }
  if (type == AMDKFD_IOCTL_BASE || type == kDrm) {
    Node* node = Node::current();
    if (node && type == AMDKFD_IOCTL_BASE && node->is_kfd(fd)) {
      return node->kfd_ioctl(request, argument);
    }
    if (node && type == kDrm && node->store().gpu_of(fd) >= 0) {
      // libdrm's functions are answered whole (drm.cpp), so none should come.
      xsim::log(xsim::LogLevel::kError, "drm call %#lx is not simulated: EINVAL",
                static_cast<unsigned long>(_IOC_NR(request)));
      errno = EINVAL;
      return -1;
    }
    if (type == AMDKFD_IOCTL_BASE && xsim::is_inherited_kfd(fd)) {
      errno = EBADF;  // as KFD: the descriptor belongs to the parent
      return -1;
    }
  }
  return next_ioctl.get()(fd, request, argument);
}

// Only events come in whole structures; all other reads pass.
XSIM_EXPORT ssize_t read(int fd, void* buffer, size_t bytes) {
  if (xsim::kmod::wants_whole_events(fd, bytes)) {
    bytes -= bytes % sizeof(xsched_event);
    if (bytes == 0) {
      errno = EINVAL;
      return -1;
    }
  }
  return next_read.get()(fd, buffer, bytes);
}
