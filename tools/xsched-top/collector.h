// SPDX-License-Identifier: Apache-2.0
//
// All sources of a machine as one: reads them in turn, best first, and passes
// an operator's request to whoever it concerns.
#pragma once

#include <memory>
#include <vector>

#include "people.h"
#include "source.h"

namespace xsched::top {

class Collector {
 public:
  Collector(std::vector<std::unique_ptr<Source>> sources, std::string root)
      : sources_(std::move(sources)), people_(std::move(root)) {}

  Snapshot collect();
  Answer act(const Action& action);

 private:
  std::vector<std::unique_ptr<Source>> sources_;
  People people_;
};

}  // namespace xsched::top
