// SPDX-License-Identifier: Apache-2.0
//
// Which rows are shown, in which order, under which headings.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "columns.h"
#include "model.h"

namespace xsched::top {

struct Order {
  int column = -1;  // index in columns(); -1: by GPU, process, queue
  bool descending = false;
  bool tree = false;
  bool sdma = false;   // SDMA queues too; nobody schedules those
  std::string filter;  // in any cell, case-insensitive
};

// One line of the table.
struct Line {
  enum class Kind { kGpu, kProcess, kQueue };
  Kind kind = Kind::kQueue;
  size_t row = 0;               // kQueue: index in Model::rows()
  std::vector<size_t> members;  // of a heading
  bool last = false;            // kQueue in a tree: the last of its process
};

std::vector<Line> arrange(const Model& model, const Order& order);

// A heading's cells: sums and worst cases of its members where each knows.
Row summary(const Model& model, const Line& heading);

}  // namespace xsched::top
