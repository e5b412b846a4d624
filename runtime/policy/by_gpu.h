// SPDX-License-Identifier: Apache-2.0
//
// For policies that decide each GPU by itself: the indices of a snapshot,
// grouped by GPU, in their order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policy.h"

namespace xsched {

class ByGpu {
 public:
  void group(std::span<const PolicyInput> in) {
    gpus_.clear();
    gpus_.reserve(in.size());  // a size once seen never allocates again
    gpu_of_.resize(in.size());
    index_.resize(in.size());
    size_t last = 0;  // neighbours mostly share a GPU
    for (size_t i = 0; i < in.size(); ++i) {
      if (last >= gpus_.size() || gpus_[last].id != in[i].gpu_id) {
        for (last = 0; last < gpus_.size() && gpus_[last].id != in[i].gpu_id;) ++last;
        if (last == gpus_.size()) gpus_.push_back({in[i].gpu_id, 0, 0});
      }
      gpu_of_[i] = static_cast<uint32_t>(last);
      ++gpus_[last].count;
    }
    uint32_t begin = 0;
    for (Gpu& gpu : gpus_) {
      gpu.begin = begin;
      begin += gpu.count;
      gpu.count = 0;
    }
    for (size_t i = 0; i < in.size(); ++i) {
      Gpu& gpu = gpus_[gpu_of_[i]];
      index_[gpu.begin + gpu.count++] = static_cast<uint32_t>(i);
    }
  }

  size_t gpus() const { return gpus_.size(); }
  std::span<const uint32_t> members(size_t gpu) const {
    return std::span<const uint32_t>(index_).subspan(gpus_[gpu].begin, gpus_[gpu].count);
  }

 private:
  struct Gpu {
    uint32_t id, begin, count;
  };
  std::vector<Gpu> gpus_;
  std::vector<uint32_t> gpu_of_;
  std::vector<uint32_t> index_;
};

}  // namespace xsched
