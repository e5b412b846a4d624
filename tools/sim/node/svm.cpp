// SPDX-License-Identifier: Apache-2.0
//
// See svm.h. Attribute rules: kfd_svm.c (svm_range_check_attr,
// svm_range_apply_attrs, svm_range_get_attr).
//
// Pieces replace one another without a gap (the new mapping is made before
// the old one goes), because kernels run meanwhile.

#include "svm.h"

#include <cerrno>
#include <iterator>

#include "gpu.h"

namespace xsim {

namespace {
constexpr uint64_t kPage = 4096;

bool is_location(uint32_t value, uint32_t gpus) {
  return value == KFD_IOCTL_SVM_LOCATION_SYSMEM || value == KFD_IOCTL_SVM_LOCATION_UNDEFINED ||
         gpu_index(value, gpus) >= 0;
}
}  // namespace

bool Svm::check(const kfd_ioctl_svm_args& args) const {
  for (uint32_t i = 0; i < args.nattr; ++i) {
    const kfd_ioctl_svm_attribute& attribute = args.attrs[i];
    switch (attribute.type) {
      case KFD_IOCTL_SVM_ATTR_PREFERRED_LOC:
      case KFD_IOCTL_SVM_ATTR_PREFETCH_LOC:
        if (args.op == KFD_IOCTL_SVM_OP_SET_ATTR && !is_location(attribute.value, gpus_)) {
          return false;
        }
        break;
      case KFD_IOCTL_SVM_ATTR_ACCESS:
      case KFD_IOCTL_SVM_ATTR_ACCESS_IN_PLACE:
      case KFD_IOCTL_SVM_ATTR_NO_ACCESS:
        if (gpu_index(attribute.value, gpus_) < 0) return false;
        break;
      case KFD_IOCTL_SVM_ATTR_SET_FLAGS:
      case KFD_IOCTL_SVM_ATTR_CLR_FLAGS:
      case KFD_IOCTL_SVM_ATTR_GRANULARITY:
        break;
      default:
        return false;
    }
  }
  return true;
}

int Svm::call(kfd_ioctl_svm_args& args) {
  if (args.size == 0 || args.start_addr % kPage != 0 || args.size % kPage != 0 ||
      args.size > UINT64_MAX - args.start_addr) {
    return EINVAL;
  }
  if (!check(args)) return EINVAL;
  switch (args.op) {
    case KFD_IOCTL_SVM_OP_SET_ATTR:
      return set(args);
    case KFD_IOCTL_SVM_OP_GET_ATTR:
      return get(args);
    default:
      return EINVAL;
  }
}

// Makes `at` a boundary if it is inside a piece.
void Svm::split_locked(uint64_t at) {
  auto after = pieces_.lower_bound(at);
  if (after != pieces_.end() && after->first == at) return;
  if (after == pieces_.begin()) return;
  const auto before = std::prev(after);
  if (before->second.end <= at) return;
  const Piece tail{before->second.end, before->second.attributes};
  if (tail.attributes.mapped()) {
    space_.map(at, tail.end - at, true);
    space_.map(before->first, at - before->first, true);
    space_.unmap(before->first, tail.end - before->first);
  }
  before->second.end = at;
  pieces_.emplace(at, tail);
}

int Svm::set(const kfd_ioctl_svm_args& args) {
  const uint64_t begin = args.start_addr;
  const uint64_t end = begin + args.size;
  std::lock_guard lock(mutex_);
  split_locked(begin);
  split_locked(end);
  // Fill the gaps, so that [begin, end) is whole pieces.
  for (uint64_t at = begin; at < end;) {
    const auto next = pieces_.lower_bound(at);
    if (next != pieces_.end() && next->first == at) {
      at = next->second.end;
      continue;
    }
    const uint64_t gap_end = next == pieces_.end() || next->first > end ? end : next->first;
    pieces_.emplace(at, Piece{gap_end, {}});
    at = gap_end;
  }
  for (auto it = pieces_.find(begin); it != pieces_.end() && it->first < end; ++it) {
    Attributes& attributes = it->second.attributes;
    const bool was_mapped = attributes.mapped();
    for (uint32_t i = 0; i < args.nattr; ++i) {
      const uint32_t value = args.attrs[i].value;
      const int gpu = gpu_index(value, gpus_);
      const uint32_t bit = gpu >= 0 ? 1u << gpu : 0;
      switch (args.attrs[i].type) {
        case KFD_IOCTL_SVM_ATTR_PREFERRED_LOC:
          attributes.preferred = value;
          break;
        case KFD_IOCTL_SVM_ATTR_PREFETCH_LOC:
          attributes.prefetch = value;
          break;
        case KFD_IOCTL_SVM_ATTR_ACCESS:
          attributes.access |= bit;
          attributes.in_place &= ~bit;
          break;
        case KFD_IOCTL_SVM_ATTR_ACCESS_IN_PLACE:
          attributes.access &= ~bit;
          attributes.in_place |= bit;
          break;
        case KFD_IOCTL_SVM_ATTR_NO_ACCESS:
          attributes.access &= ~bit;
          attributes.in_place &= ~bit;
          break;
        case KFD_IOCTL_SVM_ATTR_SET_FLAGS:
          attributes.flags |= value;
          break;
        case KFD_IOCTL_SVM_ATTR_CLR_FLAGS:
          attributes.flags &= ~value;
          break;
        case KFD_IOCTL_SVM_ATTR_GRANULARITY:
          attributes.granularity = value < 0x3f ? value : 0x3f;
          break;
      }
    }
    const bool is_mapped = attributes.mapped();
    if (is_mapped && !was_mapped) space_.map(it->first, it->second.end - it->first, true);
    if (was_mapped && !is_mapped) space_.unmap(it->first, it->second.end - it->first);
  }
  return 0;
}

int Svm::get(kfd_ioctl_svm_args& args) {
  const uint64_t begin = args.start_addr;
  const uint64_t end = begin + args.size;
  // Over the whole range: a location only if it is the same everywhere, an
  // access only if it holds everywhere, flags that hold everywhere.
  bool first = true;
  uint64_t covered = 0;
  Attributes all;
  uint32_t flags_or = 0;
  const auto fold = [&](const Attributes& one) {
    if (first) {
      all = one;
      first = false;
    } else {
      if (all.preferred != one.preferred) all.preferred = KFD_IOCTL_SVM_LOCATION_UNDEFINED;
      if (all.prefetch != one.prefetch) all.prefetch = KFD_IOCTL_SVM_LOCATION_UNDEFINED;
      all.flags &= one.flags;
      if (one.granularity < all.granularity) all.granularity = one.granularity;
      const uint32_t any = (all.access | all.in_place) & (one.access | one.in_place);
      all.access = any & (all.access | one.access);
      all.in_place = any & ~all.access;
    }
    flags_or |= one.flags;
  };
  std::lock_guard lock(mutex_);
  auto it = pieces_.upper_bound(begin);
  if (it != pieces_.begin()) --it;
  for (; it != pieces_.end() && it->first < end; ++it) {
    const uint64_t low = it->first > begin ? it->first : begin;
    const uint64_t high = it->second.end < end ? it->second.end : end;
    if (low >= high) continue;
    covered += high - low;
    fold(it->second.attributes);
  }
  if (covered < args.size) fold(Attributes{});
  for (uint32_t i = 0; i < args.nattr; ++i) {
    kfd_ioctl_svm_attribute& attribute = args.attrs[i];
    switch (attribute.type) {
      case KFD_IOCTL_SVM_ATTR_PREFERRED_LOC:
        attribute.value = all.preferred;
        break;
      case KFD_IOCTL_SVM_ATTR_PREFETCH_LOC:
        attribute.value = all.prefetch;
        break;
      case KFD_IOCTL_SVM_ATTR_ACCESS: {
        const int gpu = gpu_index(attribute.value, gpus_);
        const uint32_t bit = gpu >= 0 ? 1u << gpu : 0;
        if (all.access & bit) {
          attribute.type = KFD_IOCTL_SVM_ATTR_ACCESS;
        } else if (all.in_place & bit) {
          attribute.type = KFD_IOCTL_SVM_ATTR_ACCESS_IN_PLACE;
        } else {
          attribute.type = KFD_IOCTL_SVM_ATTR_NO_ACCESS;
        }
        break;
      }
      case KFD_IOCTL_SVM_ATTR_SET_FLAGS:
        attribute.value = all.flags;
        break;
      case KFD_IOCTL_SVM_ATTR_CLR_FLAGS:
        attribute.value = ~flags_or;
        break;
      case KFD_IOCTL_SVM_ATTR_GRANULARITY:
        attribute.value = all.granularity;
        break;
      default:
        return EINVAL;  // in-place and no-access are answers, not questions
    }
  }
  return 0;
}

}  // namespace xsim
