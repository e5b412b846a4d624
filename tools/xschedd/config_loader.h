// SPDX-License-Identifier: Apache-2.0
//
// Reads the configuration file beside the loop: a disk or a user database that
// hangs must not hold up decisions.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "config.h"

namespace xsched {

class ConfigLoader {
 public:
  // An empty `file`: there is none, every load gives what is built in. `must_exist`:
  // else the file may be missing, and stands for what is built in.
  ConfigLoader(std::string file, bool must_exist);
  ~ConfigLoader();

  // At once, in the calling thread; nothing and `error` if it is wrong.
  std::optional<Config> load(std::string& error) const;

  // In a thread of its own; `event` is written when take() has a result. One
  // that is asked for during another begins when that has ended. False if
  // there is no thread to be had.
  bool start(int event);
  // The result of the last start(): true and `config`, or false and `error`.
  // Nothing if there is none.
  std::optional<bool> take(Config& config, std::string& error);

  const std::string& file() const { return file_; }

 private:
  void run(int event);

  const std::string file_;
  const bool must_exist_;
  std::thread thread_;
  std::mutex mutex_;  // guards the following
  bool running_ = false;
  bool again_ = false;
  bool done_ = false;
  std::optional<Config> config_;
  std::string error_;
};

}  // namespace xsched
